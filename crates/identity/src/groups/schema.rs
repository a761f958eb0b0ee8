//! The tables of groups.

/// Names are unique among siblings: `beside` is the parent, or the organization. A group keeps how many active members
/// it has, because lists are sorted by it; triggers count, so that no statement can forget it.
pub(crate) const GROUPS: &str = "
CREATE TABLE user_groups (
    org_id uuid NOT NULL REFERENCES server_organizations (id),
    id uuid NOT NULL,
    name text NOT NULL,
    name_key keytext NOT NULL,
    description text,
    kind keytext NOT NULL,
    visibility keytext NOT NULL,
    domain text,
    parent_id uuid,
    beside uuid NOT NULL,
    allow_join_requests boolean NOT NULL,
    require_approval boolean NOT NULL,
    max_members bigint NOT NULL,
    permissions text NOT NULL,
    inherit_permissions boolean NOT NULL,
    inherit_members boolean NOT NULL,
    carries uuid,
    is_default boolean NOT NULL,
    member_count bigint NOT NULL,
    created_by uuid,
    search_key text NOT NULL,
    rev bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    PRIMARY KEY (org_id, id),
    UNIQUE (org_id, beside, name_key),
    FOREIGN KEY (org_id, parent_id) REFERENCES user_groups (org_id, id)
);
CREATE INDEX user_groups_by_created_at ON user_groups (org_id, created_at, id);
CREATE INDEX user_groups_by_name ON user_groups (org_id, name_key, id, created_at);
CREATE INDEX user_groups_by_member_count ON user_groups (org_id, member_count, id);
CREATE INDEX user_groups_by_parent ON user_groups (org_id, parent_id, created_at, id);
CREATE INDEX user_groups_inheriting_members ON user_groups (org_id, parent_id) WHERE inherit_members;
CREATE TABLE group_members (
    org_id uuid NOT NULL,
    group_id uuid NOT NULL,
    user_id uuid NOT NULL,
    id uuid NOT NULL,
    role keytext NOT NULL,
    permissions text NOT NULL,
    status keytext NOT NULL,
    added_by uuid,
    rev bigint NOT NULL,
    joined_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    PRIMARY KEY (org_id, group_id, user_id),
    FOREIGN KEY (org_id, group_id) REFERENCES user_groups (org_id, id) ON DELETE CASCADE,
    FOREIGN KEY (org_id, user_id) REFERENCES members (org_id, user_id) ON DELETE CASCADE
);
CREATE INDEX group_members_by_user ON group_members (org_id, user_id, group_id);
CREATE INDEX group_members_of_group_by_joined_at ON group_members (org_id, group_id, joined_at, user_id);
CREATE INDEX group_members_of_group_by_role ON group_members (org_id, group_id, role, user_id);
CREATE INDEX group_members_by_joined_at ON group_members (org_id, joined_at, user_id);
CREATE INDEX group_members_by_role ON group_members (org_id, role, user_id);
CREATE TABLE group_roles (
    org_id uuid NOT NULL,
    group_id uuid NOT NULL,
    id uuid NOT NULL,
    name keytext NOT NULL,
    description text,
    permissions text NOT NULL,
    rev bigint NOT NULL,
    created_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    PRIMARY KEY (org_id, id),
    UNIQUE (org_id, group_id, name),
    FOREIGN KEY (org_id, group_id) REFERENCES user_groups (org_id, id) ON DELETE CASCADE
);
";

/// The statement that gives the default groups to the organizations that `$from` names: `$org` is the organization's
/// id, `$at` when it was made, and the rest writes ids and truths as the database does. Their ids are fixed: the first
/// moment of the epoch, told apart by the last byte. They carry the roles of their rank.
macro_rules! default_groups {
    ($org:literal, $at:literal, $from:literal, $id:literal, $end:literal, $no:literal, $yes:literal) => {
        concat!(
            "INSERT INTO user_groups (org_id, id, name, name_key, description, kind, visibility, parent_id, beside,
                allow_join_requests, require_approval, max_members, permissions, inherit_permissions, inherit_members,
                carries, is_default, member_count, search_key, rev, created_at, updated_at)
             SELECT ", $org, ", d.id, d.name, lower(d.name), d.about, 'team', d.visibility, NULL, ", $org, ", ",
            $no, ", ", $yes, ", 0, '', ", $no, ", ", $no, ", d.carries, ", $yes,
            ", 0, lower(d.name) || ' ' || lower(d.about), 1, ", $at, ", ", $at, " FROM ", $from, "
             (SELECT ", $id, "01", $end, " AS id, 'Administrators' AS name, 'Administer the organization' AS about,
                'private' AS visibility, ", $id, "05", $end, " AS carries
              UNION ALL SELECT ", $id, "02", $end, ", 'Managers', 'Make bots and reports, and assign tasks', 'private', ",
            $id, "04", $end, "
              UNION ALL SELECT ", $id, "03", $end, ", 'Users', 'Use everything for daily work', 'private', ",
            $id, "03", $end, "
              UNION ALL SELECT ", $id, "04", $end, ", 'Guests', 'Talk with bots', 'private', ", $id, "01", $end, "
              UNION ALL SELECT ", $id, "05", $end, ", 'Everyone', 'All members of the organization', 'public', NULL
             ) d;"
        )
    };
}

/// A trigger makes them with the organization, whoever makes that and however.
pub(crate) const DEFAULT_GROUPS_SQLITE: &str = concat!(
    default_groups!("o.id", "o.created_at", "server_organizations o CROSS JOIN", "X'000000000000700080000000000000", "'", "0", "1"),
    "
CREATE TRIGGER organizations_have_default_groups AFTER INSERT ON server_organizations
BEGIN
    ",
    default_groups!("NEW.id", "NEW.created_at", "", "X'000000000000700080000000000000", "'", "0", "1"),
    "
END;
CREATE TRIGGER groups_count_members_in AFTER INSERT ON group_members WHEN NEW.status = 'active'
BEGIN
    UPDATE user_groups SET member_count = member_count + 1 WHERE org_id = NEW.org_id AND id = NEW.group_id;
END;
CREATE TRIGGER groups_count_members_out AFTER DELETE ON group_members WHEN OLD.status = 'active'
BEGIN
    UPDATE user_groups SET member_count = member_count - 1 WHERE org_id = OLD.org_id AND id = OLD.group_id;
END;
CREATE TRIGGER groups_count_members_by_status AFTER UPDATE OF status ON group_members WHEN NEW.status <> OLD.status
BEGIN
    UPDATE user_groups
    SET member_count = member_count + CASE WHEN NEW.status = 'active' THEN 1 WHEN OLD.status = 'active' THEN -1 ELSE 0 END
    WHERE org_id = NEW.org_id AND id = NEW.group_id;
END;
"
);

pub(crate) const DEFAULT_GROUPS_POSTGRES: &str = concat!(
    default_groups!(
        "o.id",
        "o.created_at",
        "server_organizations o CROSS JOIN",
        "uuid '000000000000700080000000000000",
        "'",
        "false",
        "true"
    ),
    "
CREATE FUNCTION organizations_have_default_groups() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    ",
    default_groups!(
        "NEW.id",
        "NEW.created_at",
        "",
        "uuid '000000000000700080000000000000",
        "'",
        "false",
        "true"
    ),
    "
    RETURN NULL;
END $$;
CREATE TRIGGER organizations_have_default_groups AFTER INSERT ON server_organizations
FOR EACH ROW EXECUTE FUNCTION organizations_have_default_groups();
CREATE FUNCTION groups_count_members() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    more bigint := 0;
BEGIN
    IF TG_OP <> 'DELETE' AND NEW.status = 'active' THEN more := more + 1; END IF;
    IF TG_OP <> 'INSERT' AND OLD.status = 'active' THEN more := more - 1; END IF;
    IF more <> 0 THEN
        UPDATE user_groups SET member_count = member_count + more
        WHERE org_id = COALESCE(NEW.org_id, OLD.org_id) AND id = COALESCE(NEW.group_id, OLD.group_id);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER groups_count_members AFTER INSERT OR DELETE OR UPDATE OF status ON group_members
FOR EACH ROW EXECUTE FUNCTION groups_count_members();
"
);

/// Whoever asked to be a member. One may ask once at a time.
pub(crate) const JOIN_REQUESTS: &str = "
CREATE TABLE group_join_requests (
    org_id uuid NOT NULL,
    id uuid NOT NULL,
    group_id uuid NOT NULL,
    user_id uuid NOT NULL,
    message text,
    referred_by uuid,
    status keytext NOT NULL,
    place bigint NOT NULL,
    note text,
    decided_by uuid,
    decided_at bigint,
    rev bigint NOT NULL,
    submitted_at bigint NOT NULL,
    updated_at bigint NOT NULL,
    PRIMARY KEY (org_id, id),
    FOREIGN KEY (org_id, group_id) REFERENCES user_groups (org_id, id) ON DELETE CASCADE,
    FOREIGN KEY (org_id, user_id) REFERENCES members (org_id, user_id) ON DELETE CASCADE
);
CREATE UNIQUE INDEX group_join_requests_pending ON group_join_requests (org_id, group_id, user_id)
    WHERE status = 'pending';
CREATE INDEX group_join_requests_by_place ON group_join_requests (org_id, group_id, place, id);
CREATE INDEX group_join_requests_by_time ON group_join_requests (org_id, group_id, submitted_at, id);
";
