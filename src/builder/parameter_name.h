/* What Python calls the parameter of a function that takes an input. */
#ifndef SM_BUILDER_PARAMETER_NAME_H
#define SM_BUILDER_PARAMETER_NAME_H

#include "base/base.h"

/* For an input of that name: as sanitize_arg_name does (core/function/polymorphism/function_type.py), where what is not ASCII
 * counts as letters; and no word of Python. In arena, terminated. */
sm_status sm_parameter_name(sm_string *out, sm_string name, sm_arena *arena, sm_error *err);

/* A word of the language, which no parameter is called. TensorFlow does not load a function with one. */
bool sm_is_python_keyword(sm_string name);

#endif
