-- Fills our tables from canon.users and canon.sessions.

-- All of them are staff who may read accounts: at the peers, all users may.
-- Letters and digits of a digest: 12 of them are all in the alphabet of our public identifiers.
INSERT INTO users (
    id, pid, legacy_id, email, email_canonical, email_verified, phone, first_name, last_name, bio,
    country, city, role, staff_functions, auth_provider, is_verified, created_at, updated_at
)
SELECT
    uuid,
    upper(left(md5('pid-' || id), 12)),
    id,
    email,
    lower(email),
    is_verified,
    phone,
    first_name,
    last_name,
    bio,
    country,
    city,
    'staff',
    'support',
    'email',
    is_verified,
    created_at,
    created_at
FROM canon.users
ORDER BY id;

INSERT INTO passwords (user_id, hash, changed_at)
SELECT uuid, password_hash, created_at
FROM canon.users
ORDER BY id;

-- Live ones: the data set says when a session began, and those would be over by now.
INSERT INTO sessions (
    id, user_id, created_at, last_seen_at, expires_at, auth_time, amr, ip_address, user_agent,
    browser, os, device
)
SELECT
    id,
    user_uuid,
    created_at,
    created_at,
    now() + INTERVAL '180 days',
    created_at,
    'pwd',
    ip_address,
    user_agent,
    'Mozilla 5',
    'unknown',
    'unknown'
FROM canon.sessions
ORDER BY user_id, id;
