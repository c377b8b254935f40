/* Projects, keys and published catalogs. */
#include "core/fixture.h"

static void projects(void **state) {
    struct bed b;
    bed_open(&b);
    struct command c = cmd_create_project(PROJECT);
    c.create_project.run_limit = 0;
    bed_ok(&b, c);
    assert_int_equal(BED_GET(&b, project, PROJECT)->run_limit, 16); /* the default */
    assert_int_equal(BED_GET(&b, account, PROJECT "/live")->available, 0);
    assert_true(str_is(BED_GET(&b, account, PROJECT "/test")->book, "test"));
    assert_int_equal(bed_run(&b, c).code, E_EXISTS);
    assert_int_equal(bed_run(&b, cmd_create_project("")).code, E_INVALID);
    c = cmd_create_project(FOREIGN);
    c.create_project.run_limit = -1;
    assert_int_equal(bed_run(&b, c).code, E_INVALID);
    bed_close(&b);
}

static struct command revoke(const char *prefix, const char *project, msec at) {
    return (struct command){.kind = CMD_REVOKE_KEY, .at = at, .revoke_key = {str_of(prefix), str_of(project)}};
}

static void keys(void **state) {
    struct bed b;
    bed_ready(&b);
    bed_ok(&b, cmd_create_key("livekey1", PROJECT, "live")); /* the same again */
    assert_int_equal(b.changes, 0);
    assert_int_equal(bed_run(&b, cmd_create_key("livekey1", FOREIGN, "live")).code, E_EXISTS);
    assert_int_equal(bed_run(&b, cmd_create_key("newkey01", PROJECT, "root")).code, E_INVALID);
    assert_int_equal(bed_run(&b, cmd_create_key("", PROJECT, "live")).code, E_INVALID);
    assert_int_equal(bed_run(&b, cmd_create_key("newkey01", GEN, "live")).code, E_NOT_FOUND);
    assert_int_equal(bed_run(&b, revoke("livekey1", FOREIGN, 7)).code, E_NOT_FOUND);
    assert_int_equal(bed_run(&b, revoke("unknown1", "", 7)).code, E_NOT_FOUND);
    bed_ok(&b, revoke("livekey1", PROJECT, 7));
    bed_ok(&b, revoke("livekey1", "", 9));
    assert_int_equal(BED_GET(&b, api_key, "livekey1")->revoked_at, 7); /* the first time counts */
    bed_ok(&b, revoke("testkey1", "", 9));
    bed_close(&b);
}

static void catalogs(void **state) {
    struct bed b;
    bed_open(&b);
    struct command c = {.kind = CMD_PUBLISH_CATALOG, .at = 3, .publish = {STR("sha"), STR("{}")}};
    bed_ok(&b, c);
    bed_ok(&b, c);
    assert_int_equal(b.changes, 0);
    c.at = 4; /* published again after others: it is the newest once more */
    bed_ok(&b, c);
    assert_int_equal(BED_GET(&b, catalog_version, "sha")->published_at, 4);
    c.at = 3;
    bed_ok(&b, c);
    assert_int_equal(b.changes, 0);
    c.publish.sha256 = STR("");
    assert_int_equal(bed_run(&b, c).code, E_INVALID);
    bed_close(&b);
}

static void every_command_has_a_name(void **state) {
    for (int i = 0; i < CMD_KIND_COUNT; i++) {
        assert_non_null(command_name((enum command_kind)i));
        for (int j = 0; j < i; j++)
            assert_string_not_equal(command_name((enum command_kind)i), command_name((enum command_kind)j));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(projects),
        cmocka_unit_test(keys),
        cmocka_unit_test(catalogs),
        cmocka_unit_test(every_command_has_a_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
