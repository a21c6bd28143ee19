/* What the files of save_objects share: each writes models into a directory, and ends the program when something fails. */
#ifndef SM_TESTS_INTEROP_WRITTEN_OBJECTS_H
#define SM_TESTS_INTEROP_WRITTEN_OBJECTS_H

#include <savedmodel/savedmodel.h>

extern sm_error err;

void check(sm_status status, const char *what);
#define CHECK(call) check((call), #call)

sm_object_graph *begin(void);

/* Saves them as root/name and frees them. save: NULL: defaults. */
void end_with(sm_object_graph *objects, const char *root, const char *name, const sm_export_options *options,
              const sm_save_options *save);
void end(sm_object_graph *objects, const char *root, const char *name);

int32_t add_container(sm_object_graph *objects, int32_t parent, const char *name, sm_container container);
int32_t add_variable(sm_object_graph *objects, int32_t parent, const char *name, const float *value);

/* A function with one trace; signature: the key that it is one under, NULL: none. */
int32_t add_function(sm_object_graph *objects, int32_t parent, const char *name, const sm_trace *trace,
                     const char *signature);

/* A view of one value. */
sm_tensor_view scalar(sm_dtype dtype, const void *data, size_t size);

sm_string def_of(sm_graph *graph);

/* A GraphDef from a file of text; freed with sm_convert_free. */
sm_string read_graph(const char *path);

/* One model each, or several. */
void save_values(const char *root);
void save_functions(const char *root);
void save_effects(const char *root);
void save_library(const char *root);
void save_tables(const char *root);
void save_nodes(const char *root);

#endif
