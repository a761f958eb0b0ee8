//! The tables of roles that organizations make.

/// What a role allows by itself stands as the caller wrote it, so that a wildcard also means what comes to be known
/// later. A parent may be one of the server's roles, which are no rows.
pub(crate) const CUSTOM_ROLES: &str = "
CREATE TABLE custom_roles (
    org_id uuid NOT NULL REFERENCES server_organizations (id),
    id uuid NOT NULL,
    name keytext NOT NULL,
    display_name text NOT NULL,
    description text,
    level bigint NOT NULL,
    permissions text NOT NULL,
    created_by uuid,
    rev bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    PRIMARY KEY (org_id, id),
    UNIQUE (org_id, name)
);
CREATE TABLE custom_role_parents (
    org_id uuid NOT NULL,
    role_id uuid NOT NULL,
    parent_id uuid NOT NULL,
    PRIMARY KEY (org_id, role_id, parent_id),
    FOREIGN KEY (org_id, role_id) REFERENCES custom_roles (org_id, id) ON DELETE CASCADE
);
CREATE INDEX custom_role_parents_by_parent ON custom_role_parents (org_id, parent_id, role_id);
";
