/* What of a scan is denied: the rule without a policy, and files of allow and deny lines (help.c describes them). */
#ifndef SM_CLI_POLICY_H
#define SM_CLI_POLICY_H

#include <savedmodel/scan.h>

typedef struct policy_line {
  bool denies;
  uint32_t effect;     /* a class */
  bool is_class;       /* else pattern counts */
  bool is_checkpoint;  /* the class of the saver's operations */
  bool is_asset;       /* the class of those that read assets */
  const char *pattern; /* of names, with * and ? */
} policy_line;

typedef struct policy {
  char *text; /* owned; the patterns point into it */
  policy_line *lines;
  size_t n;
  bool denies_by_default;
} policy;

/* Returns CLI_OK, or another exit code when the file could not be read or understood, and said so. */
int policy_read(policy *out, const char *path);
void policy_free(policy *p);

/* A zeroed policy has no lines. */
bool policy_denies(const policy *p, const sm_scan_finding *finding);

#endif
