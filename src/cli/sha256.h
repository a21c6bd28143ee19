/* SHA-256 of tensors, through libnettle where the tool was built with it. */
#ifndef SM_CLI_SHA256_H
#define SM_CLI_SHA256_H

#include <stdbool.h>

#include <savedmodel/tensor.h>

enum { SHA256_HEX_SIZE = 65 };

/* Can it be computed? */
bool sha256_is_there(void);

/* Of the bytes of the elements, little-endian; of strings, each after its length as eight bytes. hex: lower case,
 * terminated. */
void sha256_of_tensor(char hex[SHA256_HEX_SIZE], const sm_tensor_view *tensor);

#endif
