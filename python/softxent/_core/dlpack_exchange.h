/* dlpack_exchange.h - the table of C functions that a library of tensors hands out, as far as it is used here: DLPack
 * 1.3's DLPackExchangeAPI (https://dmlc.github.io/dlpack/latest), whose layout holds for major version 1. */
#ifndef SXT_DLPACK_EXCHANGE_H
#define SXT_DLPACK_EXCHANGE_H

#include <stdint.h>

enum { DL_MAJOR_VERSION = 1 };
enum { DL_CPU = 1 };
enum { DL_INT = 0, DL_FLOAT = 2, DL_BFLOAT = 4 };

typedef struct {
    int32_t type, number;
} dl_device;

typedef struct {
    uint8_t code, bits;
    uint16_t lanes;
} dl_dtype;

/* Shape and strides, which count elements, are the tensor's own. */
typedef struct {
    void *data;
    dl_device device;
    int32_t ndim;
    dl_dtype dtype;
    const int64_t *shape, *strides;
    uint64_t byte_offset;
} dl_tensor;

typedef struct {
    uint32_t major_version, minor_version;
    const void *older;
    void (*allocate)(void), (*export_tensor)(void), (*import_tensor)(void); /* not used */
    int (*view)(void *tensor, dl_tensor *view); /* may be NULL; -1 and an exception if it has no memory */
} dl_exchange;

#endif
