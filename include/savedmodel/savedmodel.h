/* Everything in libsavedmodel but the opt-in headers proto.h (protobuf-c structs) and savedmodel.hpp (C++17). */
#ifndef SAVEDMODEL_SAVEDMODEL_H
#define SAVEDMODEL_SAVEDMODEL_H

#include <savedmodel/builder.h>
#include <savedmodel/bundle.h>
#include <savedmodel/checkpoint.h>
#include <savedmodel/convert.h>
#include <savedmodel/debug_info.h>
#include <savedmodel/freeze.h>
#include <savedmodel/fs.h>
#include <savedmodel/graph.h>
#include <savedmodel/model.h>
#include <savedmodel/object_graph.h>
#include <savedmodel/objects.h>
#include <savedmodel/options.h>
#include <savedmodel/scan.h>
#include <savedmodel/status.h>
#include <savedmodel/tensor.h>
#include <savedmodel/trackable_graph.h>
#include <savedmodel/version.h>

#endif
