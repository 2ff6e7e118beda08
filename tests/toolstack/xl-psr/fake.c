/*
 * A host whose CPUs can watch and share out their caches: two sockets, level 3 with parts for code
 * and data on the second, no level 2, and the domains 0 and 7. The functions stand before those of
 * libxl.
 */
#include <stdlib.h>
#include <string.h>
#include <libxl.h>
#include <libxl_utils.h>

#pragma GCC visibility push(default)

enum { SOCKETS = 2, GUEST = 7 };

int libxl_psr_cmt_enabled(libxl_ctx *ctx)
{
    (void)ctx;
    return 1;
}

int libxl_psr_cmt_get_total_rmid(libxl_ctx *ctx, uint32_t *total)
{
    (void)ctx;
    *total = 71;
    return 0;
}

int libxl_psr_cmt_type_supported(libxl_ctx *ctx, libxl_psr_cmt_type type)
{
    (void)ctx;
    return type != LIBXL_PSR_CMT_TYPE_LOCAL_MEM_COUNT;
}

int libxl_psr_cmt_domain_attached(libxl_ctx *ctx, uint32_t domid)
{
    (void)ctx;
    return domid == GUEST;
}

int libxl_psr_cmt_get_l3_cache_size(libxl_ctx *ctx, uint32_t socket, uint32_t *size)
{
    (void)ctx;
    *size = 16384 * (socket + 1);
    return 0;
}

int libxl_psr_cmt_get_cache_occupancy(libxl_ctx *ctx, uint32_t domid, uint32_t socket,
                                      uint32_t *occupancy)
{
    (void)ctx;
    *occupancy = domid * 100 + socket;
    return 0;
}

int libxl_psr_cat_get_info(libxl_ctx *ctx, libxl_psr_cat_info **info, unsigned int *count,
                           unsigned int level)
{
    (void)ctx;
    if (level != 3)
        return ERROR_FAIL;
    *info = calloc(SOCKETS, sizeof(**info));
    *count = SOCKETS;
    for (unsigned int i = 0; i < SOCKETS; i++) {
        (*info)[i].id = i;
        (*info)[i].cos_max = 15;
        (*info)[i].cbm_len = 20;
        (*info)[i].cdp_enabled = i == 1;
    }
    return 0;
}

void libxl_psr_cat_info_list_free(libxl_psr_cat_info *list, int count)
{
    (void)count;
    free(list);
}

int libxl_psr_get_hw_info(libxl_ctx *ctx, libxl_psr_feat_type type, unsigned int level,
                          unsigned int *count, libxl_psr_hw_info **list)
{
    (void)ctx;
    (void)type;
    (void)level;
    *list = calloc(1, sizeof(**list));
    *count = 1;
    (*list)->u.mba.cos_max = 7;
    (*list)->u.mba.thrtl_max = 90;
    (*list)->u.mba.linear = true;
    return 0;
}

void libxl_psr_hw_info_list_free(libxl_psr_hw_info *list, unsigned int count)
{
    (void)count;
    free(list);
}

int libxl_psr_get_val(libxl_ctx *ctx, uint32_t domid, libxl_psr_cbm_type type, unsigned int target,
                      uint64_t *value)
{
    (void)ctx;
    *value = type == LIBXL_PSR_CBM_TYPE_MBA_THRTL ? 10 : 0xf000 + (unsigned int)type * 0x10 + domid;
    return target < SOCKETS ? 0 : ERROR_INVAL;
}

int libxl_get_online_socketmap(libxl_ctx *ctx, libxl_bitmap *sockets)
{
    (void)ctx;
    libxl_bitmap_set(sockets, 0);
    libxl_bitmap_set(sockets, 1);
    return 0;
}

int libxl_socket_bitmap_alloc(libxl_ctx *ctx, libxl_bitmap *sockets, int max)
{
    (void)ctx;
    (void)max;
    sockets->map = calloc(1, 1);
    sockets->size = 1;
    return 0;
}

libxl_dominfo *libxl_list_domain(libxl_ctx *ctx, int *count)
{
    libxl_dominfo *list = calloc(2, sizeof(*list));

    (void)ctx;
    list[1].domid = GUEST;
    *count = 2;
    return list;
}

void libxl_dominfo_list_free(libxl_dominfo *list, int count)
{
    (void)count;
    free(list);
}

char *libxl_domid_to_name(libxl_ctx *ctx, uint32_t domid)
{
    (void)ctx;
    return strdup(domid ? "guest" : "Domain-0");
}
