-- The tables on Postgres after every migration, to be read. Nothing runs this file: what makes the
-- tables is src/, and a test compares the two (migrations/README.md says how to write it anew).

CREATE TABLE audit_chain (
    id bigint NOT NULL,
    position bigint NOT NULL,
    hash bytea NOT NULL,
    linked_at timestamp with time zone,
    removed_through bigint NOT NULL,
    mac bytea NOT NULL,
    CONSTRAINT audit_chain_pkey PRIMARY KEY (id),
    CONSTRAINT audit_chain_check CHECK (((removed_through >= 0) AND (removed_through <= "position"))),
    CONSTRAINT audit_chain_id_check CHECK ((id = 1))
);
CREATE TRIGGER audit_chain_delete BEFORE DELETE ON audit_chain FOR EACH ROW EXECUTE FUNCTION audit_refuse();

CREATE TABLE audit_checkpoints (
    day text NOT NULL,
    position bigint NOT NULL,
    hash bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    mac bytea NOT NULL,
    CONSTRAINT audit_checkpoints_pkey PRIMARY KEY (day)
);
CREATE TRIGGER audit_checkpoints_keep BEFORE DELETE OR UPDATE ON audit_checkpoints FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_checkpoints_truncate BEFORE TRUNCATE ON audit_checkpoints FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();

CREATE TABLE audit_events (
    id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    action text NOT NULL,
    actor_id uuid,
    on_behalf_of_id uuid,
    subject_id uuid,
    identifier_index bytea,
    address_index bytea,
    request_id text NOT NULL,
    operation_name text,
    document_id text,
    sealed_details bytea NOT NULL,
    mac bytea NOT NULL,
    CONSTRAINT audit_events_pkey PRIMARY KEY (id)
);
CREATE INDEX audit_events_action ON audit_events USING btree (action, created_at, id);
CREATE INDEX audit_events_actor ON audit_events USING btree (actor_id, created_at, id);
CREATE INDEX audit_events_address ON audit_events USING btree (address_index, created_at, id);
CREATE INDEX audit_events_created ON audit_events USING btree (created_at, id);
CREATE INDEX audit_events_request ON audit_events USING btree (request_id);
CREATE INDEX audit_events_subject ON audit_events USING btree (subject_id, created_at, id);
CREATE TRIGGER audit_events_delete BEFORE DELETE ON audit_events FOR EACH ROW EXECUTE FUNCTION audit_keep_event();
CREATE TRIGGER audit_events_truncate BEFORE TRUNCATE ON audit_events FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_events_update BEFORE UPDATE ON audit_events FOR EACH ROW EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_events_wait AFTER INSERT ON audit_events FOR EACH ROW EXECUTE FUNCTION audit_wait();

CREATE TABLE audit_links (
    position bigint NOT NULL,
    audit_id uuid NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT audit_links_pkey PRIMARY KEY ("position"),
    CONSTRAINT audit_links_audit_id_key UNIQUE (audit_id),
    CONSTRAINT audit_links_position_check CHECK (("position" > 0))
);
CREATE TRIGGER audit_links_delete BEFORE DELETE ON audit_links FOR EACH ROW EXECUTE FUNCTION audit_keep_link();
CREATE TRIGGER audit_links_truncate BEFORE TRUNCATE ON audit_links FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_links_update BEFORE UPDATE ON audit_links FOR EACH ROW EXECUTE FUNCTION audit_refuse();

CREATE TABLE audit_tallies (
    action text NOT NULL,
    since timestamp with time zone NOT NULL,
    slot bigint NOT NULL DEFAULT 0,
    attempts bigint NOT NULL DEFAULT 0,
    unattributed bigint NOT NULL DEFAULT 0,
    CONSTRAINT audit_tallies_pkey PRIMARY KEY (action, since, slot),
    CONSTRAINT audit_tallies_check CHECK ((unattributed <= attempts))
);

CREATE TABLE audit_unlinked (
    audit_id uuid NOT NULL,
    CONSTRAINT audit_unlinked_pkey PRIMARY KEY (audit_id)
);

CREATE TABLE avatar_uploads (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    content_type text NOT NULL,
    content_length bigint NOT NULL DEFAULT 0,
    state text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT avatar_uploads_pkey PRIMARY KEY (id),
    CONSTRAINT avatar_uploads_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE,
    CONSTRAINT avatar_uploads_content_length_check CHECK ((content_length > 0)),
    CONSTRAINT avatar_uploads_state_check CHECK ((state = ANY (ARRAY['open'::text, 'taken'::text])))
);
CREATE INDEX avatar_uploads_expired ON avatar_uploads USING btree (expires_at);
CREATE INDEX avatar_uploads_of_user ON avatar_uploads USING btree (user_id);

CREATE TABLE data_export_parts (
    export_id uuid NOT NULL,
    number bigint NOT NULL DEFAULT 0,
    sealed_bytes bytea NOT NULL,
    CONSTRAINT data_export_parts_pkey PRIMARY KEY (export_id, number),
    CONSTRAINT data_export_parts_export_id_fkey FOREIGN KEY (export_id) REFERENCES data_exports(id) ON DELETE CASCADE
);

CREATE TABLE data_exports (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    state text NOT NULL,
    requested_at timestamp with time zone NOT NULL,
    leased_until timestamp with time zone,
    attempts bigint NOT NULL DEFAULT 0,
    records_written bigint NOT NULL DEFAULT 0,
    records_total bigint NOT NULL DEFAULT 0,
    size bigint NOT NULL DEFAULT 0,
    signature text,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT data_exports_pkey PRIMARY KEY (id),
    CONSTRAINT data_exports_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE,
    CONSTRAINT data_exports_check CHECK (((state = 'ready'::text) = (signature IS NOT NULL))),
    CONSTRAINT data_exports_check1 CHECK (((state = 'running'::text) = (leased_until IS NOT NULL))),
    CONSTRAINT data_exports_state_check CHECK ((state = ANY (ARRAY['waiting'::text, 'running'::text, 'ready'::text, 'failed'::text])))
);
CREATE INDEX data_exports_due ON data_exports USING btree (requested_at, id) WHERE (state = ANY (ARRAY['waiting'::text, 'running'::text]));
CREATE INDEX data_exports_expiry ON data_exports USING btree (expires_at);
CREATE INDEX data_exports_of_user ON data_exports USING btree (user_id);

CREATE TABLE deleted_records (
    id uuid NOT NULL,
    model text NOT NULL,
    record_id uuid NOT NULL,
    pid text NOT NULL,
    deleted_by uuid,
    deleted_at timestamp with time zone NOT NULL,
    restorable_until timestamp with time zone NOT NULL,
    sealed_data bytea NOT NULL,
    CONSTRAINT deleted_records_pkey PRIMARY KEY (id),
    CONSTRAINT deleted_records_record_id_key UNIQUE (record_id),
    CONSTRAINT deleted_records_record_id_fkey FOREIGN KEY (record_id) REFERENCES users(id) ON DELETE CASCADE,
    CONSTRAINT deleted_records_check CHECK ((restorable_until >= deleted_at)),
    CONSTRAINT deleted_records_model_check CHECK ((model = 'user'::text))
);
CREATE INDEX deleted_records_deleted ON deleted_records USING btree (deleted_at, id);
CREATE INDEX deleted_records_due ON deleted_records USING btree (restorable_until, id);

CREATE TABLE erasure_requests (
    user_id uuid NOT NULL,
    requested_by uuid NOT NULL,
    requested_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT erasure_requests_pkey PRIMARY KEY (user_id),
    CONSTRAINT erasure_requests_requested_by_fkey FOREIGN KEY (requested_by) REFERENCES users(id) ON DELETE CASCADE,
    CONSTRAINT erasure_requests_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE,
    CONSTRAINT erasure_requests_check CHECK ((requested_by <> user_id))
);
CREATE INDEX erasure_requests_expiry ON erasure_requests USING btree (expires_at);

CREATE TABLE identities (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    issuer text NOT NULL,
    subject text NOT NULL,
    email text,
    created_at timestamp with time zone NOT NULL,
    last_used_at timestamp with time zone,
    unlinked_at timestamp with time zone,
    CONSTRAINT identities_pkey PRIMARY KEY (id),
    CONSTRAINT identities_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE,
    CONSTRAINT identities_issuer_check CHECK ((length(issuer) > 0)),
    CONSTRAINT identities_subject_check CHECK (((length(subject) >= 1) AND (length(subject) <= 255)))
);
CREATE UNIQUE INDEX identities_linked ON identities USING btree (issuer, subject) WHERE (unlinked_at IS NULL);
CREATE INDEX identities_of_user ON identities USING btree (user_id, created_at, id);
CREATE UNIQUE INDEX identities_remembered ON identities USING btree (user_id, issuer, subject);
CREATE INDEX identities_unlinked ON identities USING btree (issuer, subject) WHERE (unlinked_at IS NOT NULL);

CREATE TABLE import_records (
    kind text NOT NULL,
    legacy_id bigint NOT NULL,
    outcome text NOT NULL,
    reason text,
    set_aside text NOT NULL DEFAULT ''::text,
    conflicts text NOT NULL DEFAULT ''::text,
    user_id uuid,
    source_digest bytea,
    written bytea,
    sealed_row bytea,
    profile_rows bigint NOT NULL DEFAULT 0,
    membership_rows bigint NOT NULL DEFAULT 0,
    email_rows bigint NOT NULL DEFAULT 0,
    social_rows bigint NOT NULL DEFAULT 0,
    is_resolved boolean NOT NULL DEFAULT false,
    updated_at timestamp with time zone NOT NULL,
    gone_at timestamp with time zone,
    duplicate_of bigint,
    CONSTRAINT import_records_pkey PRIMARY KEY (kind, legacy_id),
    CONSTRAINT import_records_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE SET NULL,
    CONSTRAINT import_records_check CHECK (((outcome = 'quarantined'::text) = (reason IS NOT NULL))),
    CONSTRAINT import_records_check1 CHECK (((user_id IS NULL) OR (outcome = 'imported'::text))),
    CONSTRAINT import_records_kind_check CHECK ((kind = ANY (ARRAY['user'::text, 'profile'::text, 'membership'::text, 'email'::text, 'social'::text]))),
    CONSTRAINT import_records_outcome_check CHECK ((outcome = ANY (ARRAY['imported'::text, 'quarantined'::text, 'discarded'::text, 'erased'::text])))
);
CREATE INDEX import_records_duplicates ON import_records USING btree (duplicate_of) WHERE (duplicate_of IS NOT NULL);
CREATE INDEX import_records_of_user ON import_records USING btree (user_id) WHERE (user_id IS NOT NULL);
CREATE INDEX import_records_open ON import_records USING btree (kind, legacy_id) WHERE (sealed_row IS NOT NULL);

CREATE TABLE import_runs (
    id uuid NOT NULL,
    source text NOT NULL,
    mapping bytea NOT NULL,
    state text NOT NULL,
    started_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    finished_at timestamp with time zone,
    position bigint,
    source_rows bigint NOT NULL DEFAULT 0,
    counts text NOT NULL,
    CONSTRAINT import_runs_pkey PRIMARY KEY (id),
    CONSTRAINT import_runs_check CHECK (((state = ANY (ARRAY['finished'::text, 'differing'::text])) = (finished_at IS NOT NULL))),
    CONSTRAINT import_runs_state_check CHECK ((state = ANY (ARRAY['running'::text, 'interrupted'::text, 'finished'::text, 'differing'::text])))
);
CREATE UNIQUE INDEX import_runs_running ON import_runs USING btree (state) WHERE (state = 'running'::text);

CREATE TABLE legacy_sign_outs (
    user_id uuid NOT NULL,
    signed_out_at timestamp with time zone NOT NULL,
    CONSTRAINT legacy_sign_outs_pkey PRIMARY KEY (user_id),
    CONSTRAINT legacy_sign_outs_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE
);

CREATE TABLE links (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    purpose text NOT NULL,
    address text NOT NULL,
    token_hash bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT links_pkey PRIMARY KEY (id),
    CONSTRAINT links_token_hash_key UNIQUE (token_hash),
    CONSTRAINT links_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE,
    CONSTRAINT links_purpose_check CHECK ((purpose = ANY (ARRAY['verify_email'::text, 'reset_password'::text, 'change_email'::text, 'revert_email'::text, 'new_phone'::text, 'invitation'::text, 'cancel_deletion'::text])))
);
CREATE INDEX links_expiry ON links USING btree (expires_at);
CREATE INDEX links_of_user ON links USING btree (user_id, purpose);

CREATE TABLE media_removals (
    id uuid NOT NULL,
    storage text NOT NULL,
    object text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    due_at timestamp with time zone NOT NULL,
    attempts bigint NOT NULL DEFAULT 0,
    last_failure text,
    CONSTRAINT media_removals_pkey PRIMARY KEY (id),
    CONSTRAINT media_removals_object_check CHECK ((length(object) > 0)),
    CONSTRAINT media_removals_storage_check CHECK ((storage = ANY (ARRAY['local'::text, 's3'::text, 'cloudinary'::text])))
);
CREATE INDEX media_removals_due ON media_removals USING btree (storage, due_at);

CREATE TABLE outbox_messages (
    id uuid NOT NULL,
    kind text NOT NULL,
    channel text NOT NULL,
    sealed_body bytea,
    created_at timestamp with time zone NOT NULL,
    available_at timestamp with time zone NOT NULL,
    attempts bigint NOT NULL DEFAULT 0,
    delivered_at timestamp with time zone,
    dead_at timestamp with time zone,
    last_failure text,
    expires_at timestamp with time zone,
    user_id uuid,
    CONSTRAINT outbox_messages_pkey PRIMARY KEY (id),
    CONSTRAINT outbox_messages_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE,
    CONSTRAINT outbox_messages_channel_check CHECK ((channel = ANY (ARRAY['email'::text, 'sms'::text, 'none'::text]))),
    CONSTRAINT outbox_messages_check CHECK (((delivered_at IS NULL) OR (sealed_body IS NULL)))
);
CREATE INDEX outbox_messages_dead ON outbox_messages USING btree (dead_at) WHERE (dead_at IS NOT NULL);
CREATE INDEX outbox_messages_delivered ON outbox_messages USING btree (delivered_at) WHERE (delivered_at IS NOT NULL);
CREATE INDEX outbox_messages_due ON outbox_messages USING btree (available_at, id) WHERE ((delivered_at IS NULL) AND (dead_at IS NULL));
CREATE INDEX outbox_messages_of_user ON outbox_messages USING btree (user_id) WHERE (user_id IS NOT NULL);

CREATE TABLE passwords (
    user_id uuid NOT NULL,
    hash text NOT NULL,
    changed_at timestamp with time zone NOT NULL,
    imported_rounds bigint,
    CONSTRAINT passwords_pkey PRIMARY KEY (user_id),
    CONSTRAINT passwords_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE,
    CONSTRAINT passwords_hash_check CHECK ((length(hash) > 0))
);
CREATE INDEX passwords_imported ON passwords USING btree (imported_rounds) WHERE (imported_rounds IS NOT NULL);

CREATE TABLE person_keys (
    user_id uuid NOT NULL,
    sealed_key bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT person_keys_pkey PRIMARY KEY (user_id)
);

CREATE TABLE redemptions (
    digest bytea NOT NULL,
    redeemed_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT redemptions_pkey PRIMARY KEY (digest)
);
CREATE INDEX redemptions_expiry ON redemptions USING btree (expires_at);

CREATE TABLE refresh_tokens (
    id uuid NOT NULL,
    session_id uuid NOT NULL,
    token_hash bytea NOT NULL,
    created_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    predecessor_id uuid,
    consumed_at timestamp with time zone,
    successor_id uuid,
    sealed_successor bytea,
    CONSTRAINT refresh_tokens_pkey PRIMARY KEY (id),
    CONSTRAINT refresh_tokens_token_hash_key UNIQUE (token_hash),
    CONSTRAINT refresh_tokens_session_id_fkey FOREIGN KEY (session_id) REFERENCES sessions(id) ON DELETE CASCADE,
    CONSTRAINT refresh_tokens_check CHECK (((consumed_at IS NULL) = (successor_id IS NULL))),
    CONSTRAINT refresh_tokens_check1 CHECK (((sealed_successor IS NULL) OR (consumed_at IS NOT NULL)))
);
CREATE INDEX refresh_tokens_expiry ON refresh_tokens USING btree (expires_at);
CREATE INDEX refresh_tokens_in_grace ON refresh_tokens USING btree (consumed_at) WHERE (sealed_successor IS NOT NULL);
CREATE INDEX refresh_tokens_of_session ON refresh_tokens USING btree (session_id);

CREATE TABLE sessions (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    created_at timestamp with time zone NOT NULL,
    last_seen_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    auth_time timestamp with time zone NOT NULL,
    amr text NOT NULL,
    ip_address text,
    user_agent text NOT NULL DEFAULT ''::text,
    browser text NOT NULL DEFAULT ''::text,
    os text NOT NULL DEFAULT ''::text,
    device text NOT NULL DEFAULT ''::text,
    revoked_at timestamp with time zone,
    revoked_reason text,
    CONSTRAINT sessions_pkey PRIMARY KEY (id),
    CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES users(id) ON DELETE CASCADE,
    CONSTRAINT sessions_check CHECK (((revoked_at IS NULL) = (revoked_reason IS NULL)))
);
CREATE INDEX sessions_expiry ON sessions USING btree (expires_at);
CREATE INDEX sessions_of_user ON sessions USING btree (user_id, created_at, id);
CREATE INDEX sessions_revoked ON sessions USING btree (revoked_at) WHERE (revoked_at IS NOT NULL);

CREATE TABLE signing_keys (
    kid text NOT NULL,
    algorithm text NOT NULL,
    sealed_private_key bytea NOT NULL,
    public_jwk text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    active_from timestamp with time zone NOT NULL,
    CONSTRAINT signing_keys_pkey PRIMARY KEY (kid),
    CONSTRAINT signing_keys_algorithm_check CHECK ((algorithm = ANY (ARRAY['ES256'::text, 'EdDSA'::text, 'RS256'::text])))
);

CREATE TABLE users (
    id uuid NOT NULL,
    pid text NOT NULL,
    legacy_id bigint,
    email text,
    email_canonical text,
    email_verified boolean NOT NULL DEFAULT false,
    phone text,
    phone_verified boolean NOT NULL DEFAULT false,
    first_name text NOT NULL DEFAULT ''::text,
    last_name text NOT NULL DEFAULT ''::text,
    avatar text,
    bio text NOT NULL DEFAULT ''::text,
    country text NOT NULL DEFAULT ''::text,
    state text NOT NULL DEFAULT ''::text,
    city text NOT NULL DEFAULT ''::text,
    address text NOT NULL DEFAULT ''::text,
    locale text,
    role text NOT NULL,
    staff_functions text NOT NULL DEFAULT ''::text,
    auth_provider text NOT NULL,
    is_verified boolean NOT NULL DEFAULT false,
    vendor_id text,
    staff_note text NOT NULL DEFAULT ''::text,
    credential_version bigint NOT NULL DEFAULT 0,
    suspended_at timestamp with time zone,
    suspended_reason text,
    last_login_at timestamp with time zone,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    deleted_at timestamp with time zone,
    first_verified_at timestamp with time zone,
    reclaimed_at timestamp with time zone,
    email_changed_at timestamp with time zone,
    phone_changed_at timestamp with time zone,
    email_folded text,
    first_name_folded text,
    last_name_folded text,
    CONSTRAINT users_pkey PRIMARY KEY (id),
    CONSTRAINT users_legacy_id_key UNIQUE (legacy_id),
    CONSTRAINT users_pid_key UNIQUE (pid),
    CONSTRAINT users_auth_provider_check CHECK ((auth_provider = ANY (ARRAY['email'::text, 'phone'::text, 'google'::text]))),
    CONSTRAINT users_check CHECK (((email IS NULL) = (email_canonical IS NULL))),
    CONSTRAINT users_check1 CHECK (((email IS NOT NULL) OR (phone IS NOT NULL) OR (deleted_at IS NOT NULL))),
    CONSTRAINT users_check2 CHECK (((email IS NOT NULL) OR (NOT email_verified))),
    CONSTRAINT users_check3 CHECK (((phone IS NOT NULL) OR (NOT phone_verified))),
    CONSTRAINT users_check4 CHECK (((length(first_name) <= 150) AND (length(last_name) <= 150) AND (length(bio) <= 2000) AND (length(country) <= 100) AND (length(state) <= 100) AND (length(city) <= 100) AND (length(address) <= 255) AND (length(staff_note) <= 2000))),
    CONSTRAINT users_pid_check CHECK (((length(pid) >= 1) AND (length(pid) <= 50))),
    CONSTRAINT users_role_check CHECK ((role = ANY (ARRAY['client'::text, 'vendor'::text, 'staff'::text, 'admin'::text])))
);
CREATE INDEX users_country ON users USING btree (country, created_at, id);
CREATE INDEX users_created ON users USING btree (created_at, id);
CREATE INDEX users_deleted ON users USING btree (deleted_at) WHERE (deleted_at IS NOT NULL);
CREATE INDEX users_email ON users USING btree (email_canonical);
CREATE INDEX users_email_order ON users USING btree (COALESCE(email_folded, ''::text) COLLATE "C", id);
CREATE UNIQUE INDEX users_live_email ON users USING btree (email_canonical) WHERE ((deleted_at IS NULL) AND (email_verified OR (NOT phone_verified)));
CREATE UNIQUE INDEX users_live_phone ON users USING btree (phone) WHERE ((deleted_at IS NULL) AND (phone_verified OR (NOT email_verified)));
CREATE INDEX users_login ON users USING btree (COALESCE(last_login_at, '-infinity'::timestamp with time zone), id);
CREATE INDEX users_name_order ON users USING btree (substr(((COALESCE(last_name_folded, ''::text) || ' '::text) || COALESCE(first_name_folded, ''::text)), 1, 300) COLLATE "C", id);
CREATE INDEX users_phone ON users USING btree (phone);
CREATE INDEX users_provider ON users USING btree (auth_provider, created_at, id);
CREATE INDEX users_role ON users USING btree (role, created_at, id);
CREATE INDEX users_search ON users USING gin ((((((((COALESCE(email_folded, lower(email), ''::text) || ' '::text) || COALESCE(phone, ''::text)) || ' '::text) || COALESCE(first_name_folded, lower(first_name))) || ' '::text) || COALESCE(last_name_folded, lower(last_name)))) gin_trgm_ops);
CREATE INDEX users_suspended ON users USING btree (created_at, id) WHERE (suspended_at IS NOT NULL);
CREATE INDEX users_unfolded ON users USING btree (id) WHERE (first_name_folded IS NULL);
CREATE INDEX users_verified ON users USING btree (is_verified, created_at, id);
