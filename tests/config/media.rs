//! Where pictures are stored.

use idgate::domain::media::Storage;

use super::{load, production, refused};

const BUCKET: [(&str, &str); 5] = [
    ("IDGATE_MEDIA__STORAGE", "s3"),
    ("IDGATE_MEDIA__S3_ENDPOINT", "https://s3.example.com"),
    ("IDGATE_MEDIA__S3_BUCKET", "pictures"),
    ("IDGATE_MEDIA__S3_ACCESS_KEY", "AKIDEXAMPLE"),
    ("IDGATE_MEDIA__S3_SECRET_KEY", "Tr0ub4dor"),
];
const CLOUD: [(&str, &str); 4] = [
    ("IDGATE_MEDIA__STORAGE", "cloudinary"),
    ("IDGATE_MEDIA__CLOUDINARY_CLOUD", "example"),
    ("IDGATE_MEDIA__CLOUDINARY_KEY", "1234"),
    ("IDGATE_MEDIA__CLOUDINARY_SECRET", "Tr0ub4dor"),
];

fn keys(errors: &[String]) -> Vec<&str> {
    let key = |error: &String| error.find(" | ");
    errors
        .iter()
        .filter_map(|error| Some(&error[..key(error)?]))
        .collect()
}

#[test]
fn a_storage_needs_all_of_its_settings() {
    assert_eq!(load(&[]).unwrap().media.storage(), Storage::Local);
    assert_eq!(production(&BUCKET).unwrap().media.storage(), Storage::S3);
    let cloud = production(&CLOUD).unwrap();
    assert_eq!(cloud.media.storage(), Storage::Cloudinary);
    let errors = refused(load(&BUCKET[..1]));
    let missing = [
        "media.s3_endpoint",
        "media.s3_bucket",
        "media.s3_access_key",
        "media.s3_secret_key",
    ];
    assert_eq!(keys(&errors), missing);
    assert!(
        errors[3].contains("IDGATE_MEDIA__S3_SECRET_KEY"),
        "{errors:?}"
    );
    let errors = refused(load(&CLOUD[..1]));
    assert_eq!(errors.len(), 3, "{errors:?}");
}

#[test]
fn production_sends_pictures_and_signatures_over_https_alone() {
    let changed = |settings: &[(&'static str, &'static str)], name, value| {
        let kept = settings.iter().filter(|(other, _)| *other != name);
        kept.copied().chain([(name, value)]).collect::<Vec<_>>()
    };
    let plain = changed(&BUCKET, "IDGATE_MEDIA__S3_ENDPOINT", "http://minio:9000");
    assert_eq!(keys(&refused(production(&plain))), ["media.s3_endpoint"]);
    assert!(load(&plain).is_ok());
    let local = changed(
        &BUCKET,
        "IDGATE_MEDIA__S3_ENDPOINT",
        "http://127.0.0.1:9000",
    );
    assert!(production(&local).is_ok());
    for name in [
        "IDGATE_MEDIA__CLOUDINARY_API_URL",
        "IDGATE_MEDIA__CLOUDINARY_DELIVERY_URL",
    ] {
        let plain = changed(&CLOUD, name, "http://proxy:3128");
        assert_eq!(refused(production(&plain)).len(), 1, "{name}");
    }
}

#[test]
fn names_that_would_change_an_address_are_refused() {
    for (settings, name, value) in [
        (&BUCKET as &[_], "IDGATE_MEDIA__S3_BUCKET", "../other"),
        (&BUCKET, "IDGATE_MEDIA__S3_BUCKET", "a"),
        (&CLOUD, "IDGATE_MEDIA__CLOUDINARY_CLOUD", "a/b"),
    ] {
        let kept = settings.iter().filter(|(other, _)| *other != name);
        let changed: Vec<_> = kept.copied().chain([(name, value)]).collect();
        assert_eq!(refused(load(&changed)).len(), 1, "{value}");
    }
}
