/* Saves a model again, for check_kills.py.
 *
 *     resave MODEL DIR new|overwrite|in_place|in_place_as_text
 */
#include <stdio.h>
#include <string.h>

#include <savedmodel/savedmodel.h>

int main(int argc, char **argv) {
  sm_error err;
  sm_model *model;
  sm_builder *builder;
  sm_save_options options = SM_SAVE_OPTIONS_INIT;
  if (argc != 4) return 2;
  options.overwrite = strcmp(argv[3], "overwrite") == 0;
  options.in_place = strncmp(argv[3], "in_place", strlen("in_place")) == 0;
  options.as_text = strcmp(argv[3], "in_place_as_text") == 0;
  sm_status status = sm_model_open(&model, argv[1], NULL, &err);
  if (status == SM_OK) {
    status = sm_builder_open(&builder, argv[2], &options, &err);
    if (status == SM_OK) {
      status = sm_builder_add_model(builder, model, &err);
      if (status == SM_OK) status = sm_builder_finish(builder, &err);
      sm_builder_close(builder);
    }
    sm_model_close(model);
  }
  if (status != SM_OK) fprintf(stderr, "%s (%s)\n", err.message, sm_status_name(err.code));
  return status != SM_OK;
}
