-- Fills the table of people, to measure lists and searches on a large one:
--   psql "$DATABASE_URL" -v people=1000000 -f benches/load/people.sql
-- None of them can sign in. Run it on a throw-away database.
INSERT INTO users (id, pid, email, email_canonical, first_name, last_name, role, auth_provider,
                   is_verified, country, last_login_at, created_at, updated_at)
SELECT gen_random_uuid(), 'L' || n, mail, mail,
       initcap(substr(md5('first' || n), 1, 4 + n % 5)),
       initcap(substr(md5('last' || n), 1, 5 + n % 6)),
       (ARRAY['client', 'client', 'client', 'vendor'])[1 + n % 4],
       (ARRAY['email', 'phone', 'google'])[1 + n % 3], n % 3 <> 0,
       (ARRAY['France', 'Ghana', 'India', 'Peru'])[1 + n % 4],
       CASE WHEN n % 5 > 0 THEN now() - n * interval '37 seconds' END, made, made
FROM generate_series(1, :people) AS n,
     LATERAL (SELECT substr(md5('mail' || n), 1, 12) || n || '@example.com' AS mail,
                     now() - n * interval '41 seconds' AS made) AS it;
ANALYZE users;
