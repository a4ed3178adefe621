/* links: base dicom job coordinator */
#include "coordinator/site_option.h"

#include "job/job.h"
#include "tests/support/test.h"

static void keep(struct catalogue *catalogue, const char *canonical)
{
    char name[] = "dicomweb", text[256];
    struct stage_row row = {.name = name, .canonical_options = text};
    const struct worker_hello hello = {.stage_count = 1, .stages = &row};
    struct error err;

    snprintf(text, sizeof text, "%s", canonical);
    CHECK_OK(site_options_keep(catalogue, &hello, &err), err);
}

static int64_t pending(struct catalogue *catalogue)
{
    int64_t count = 0;
    struct error err;

    CHECK_OK(catalogue_number(catalogue, "SELECT count(*) FROM study WHERE state = 'pending'", NO_VALUES, 0, &count,
                              &err), err);
    CHECK_OK(catalogue_execute(catalogue, "UPDATE study SET state = 'done'", NO_VALUES, &err), err);
    return count;
}

TEST(test_site_option__a_change_joins_every_study_again)
{
    struct catalogue *catalogue = NULL;
    struct site_options options;
    struct error err;

    CHECK_OK(catalogue_open(test_folder(), CATALOGUE_WRITE, &catalogue, &err), err);
    CHECK_OK(site_options_read(catalogue, &options, &err), err);
    CHECK(!options.study_metadata && !options.brotli);
    CHECK_OK(catalogue_execute(catalogue, "INSERT INTO study (study_instance_uid, state) VALUES ('1.2', 'done')",
                               NO_VALUES, &err), err);
    keep(catalogue, "private=true\nstudy_metadata=true\nstudy_instances=false\ninstance_metadata=true\nbrotli=false\n");
    CHECK_EQ_INT(pending(catalogue), 1);
    CHECK_OK(site_options_read(catalogue, &options, &err), err);
    CHECK(options.study_metadata && !options.study_instances && options.instance_metadata && !options.brotli);
    keep(catalogue, "private=false\nstudy_metadata=true\nstudy_instances=false\ninstance_metadata=true\n"
                    "brotli=false\n");
    CHECK_EQ_INT(pending(catalogue), 0); /* `private` is the worker's */
    keep(catalogue, "private=false\nstudy_metadata=false\nstudy_instances=false\ninstance_metadata=false\n"
                    "brotli=true\n");
    CHECK_EQ_INT(pending(catalogue), 1);
    CHECK_OK(site_options_read(catalogue, &options, &err), err);
    CHECK(!options.study_metadata && !options.study_instances && !options.instance_metadata && options.brotli);
    catalogue_close(catalogue);
}
