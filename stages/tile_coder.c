#include "tile_coder.h"

#include "base/memory.h"
#include "base/ring.h"
#include "codec/jpeg_encode.h"
#include "codec/webp_encode.h"

/* Enough for the threads while the next strip is read: at 256 pixels a tile some 20 ms. */
enum { SLOTS_A_THREAD = 8, WEBP_METHOD = 2 };

struct slot {
    struct tile_place place;
    struct picture picture;
    struct jpeg_encoder *jpeg;
    struct buffer coded;
    bool failed;
    struct error err;
};

struct tile_coder {
    struct tile_coder_options options;
    tile_coder_put *put;
    void *client;
    struct jpeg_encoder *jpeg; /* the caller's */
    struct ring *ring;
    size_t slot_count;
    struct slot slots[RING_SLOTS_MOST];
};

const char *tile_format_extension(enum tile_format format)
{
    return format == TILE_FORMAT_JPEG ? "jpg" : "webp";
}

const char *tile_format_media_type(enum tile_format format)
{
    return format == TILE_FORMAT_JPEG ? "image/jpeg" : "image/webp";
}

static bool code(const struct tile_coder_options *options, struct jpeg_encoder *jpeg, const struct picture *picture,
                 struct buffer *out, struct error *err)
{
    if (options->format == TILE_FORMAT_JPEG)
        return jpeg_encode(jpeg, picture, &(struct jpeg_options){.quality = options->quality}, NULL, 0, out, err);
    return webp_encode(picture, &(struct webp_options){.quality = options->quality, .method = WEBP_METHOD}, NULL, out,
                       err);
}

static void code_slot(void *client, size_t number)
{
    struct tile_coder *const coder = client;
    struct slot *const slot = &coder->slots[number];

    slot->failed = !code(&coder->options, slot->jpeg, &slot->picture, &slot->coded, &slot->err);
}

bool tile_coder_new(const struct tile_coder_options *options, tile_coder_put *put, void *client,
                    struct tile_coder **coder, struct error *err)
{
    const bool is_jpeg = options->format == TILE_FORMAT_JPEG;
    const unsigned threads = options->threads < RING_THREADS_MOST ? options->threads : RING_THREADS_MOST;
    struct tile_coder *const made = memory_zeroed(sizeof *made, err);

    if (made == NULL)
        return false;
    made->options = *options;
    made->put = put;
    made->client = client;
    made->slot_count = threads > 1 ? threads * SLOTS_A_THREAD : 1;
    bool ok = !is_jpeg || jpeg_encoder_new(&made->jpeg, err);
    for (size_t i = 0; ok && is_jpeg && i < made->slot_count; i++)
        ok = jpeg_encoder_new(&made->slots[i].jpeg, err);
    if (!ok || !ring_new(threads, made->slot_count, code_slot, made, &made->ring, err)) {
        tile_coder_free(made);
        return false;
    }
    *coder = made;
    return true;
}

void tile_coder_free(struct tile_coder *coder)
{
    if (coder == NULL)
        return;
    ring_free(coder->ring);
    for (size_t i = 0; i < coder->slot_count; i++) {
        picture_release(&coder->slots[i].picture);
        buffer_release(&coder->slots[i].coded);
        jpeg_encoder_free(coder->slots[i].jpeg);
    }
    jpeg_encoder_free(coder->jpeg);
    memory_free(coder);
}

bool tile_coder_code(struct tile_coder *coder, const struct picture *picture, struct buffer *out, struct error *err)
{
    return code(&coder->options, coder->jpeg, picture, out, err);
}

static bool put_oldest(struct tile_coder *coder, struct error *err)
{
    struct slot *const slot = &coder->slots[ring_wait(coder->ring)];
    bool ok = !slot->failed;

    if (slot->failed)
        *err = slot->err;
    else
        ok = coder->put(coder->client, &slot->place, slot->coded.data, slot->coded.size, err);
    ring_release(coder->ring);
    return ok;
}

/* The next slot, emptied. */
static bool free_slot(struct tile_coder *coder, struct tile_place place, struct slot **slot, struct error *err)
{
    if (ring_is_full(coder->ring) && !put_oldest(coder, err))
        return false;
    *slot = &coder->slots[ring_slot(coder->ring)];
    (*slot)->place = place;
    (*slot)->failed = false;
    buffer_clear(&(*slot)->coded);
    return true;
}

bool tile_coder_add(struct tile_coder *coder, struct tile_place place, struct picture *picture, struct error *err)
{
    struct slot *slot;

    if (!free_slot(coder, place, &slot, err))
        return false;
    const struct picture taken = *picture;
    *picture = slot->picture;
    slot->picture = taken;
    ring_hand_over(coder->ring, false);
    return true;
}

bool tile_coder_pass(struct tile_coder *coder, struct tile_place place, const void *data, size_t size,
                     struct error *err)
{
    struct slot *slot;

    if (ring_is_empty(coder->ring))
        return coder->put(coder->client, &place, data, size, err);
    if (!free_slot(coder, place, &slot, err) || !buffer_append(&slot->coded, data, size, err))
        return false;
    ring_hand_over(coder->ring, true);
    return true;
}

bool tile_coder_flush(struct tile_coder *coder, struct error *err)
{
    while (!ring_is_empty(coder->ring))
        if (!put_oldest(coder, err))
            return false;
    return true;
}
