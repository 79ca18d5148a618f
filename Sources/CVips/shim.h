#ifndef MERCER_VIPS_SHIM_H
#define MERCER_VIPS_SHIM_H
#include <vips/vips.h>
#endif
