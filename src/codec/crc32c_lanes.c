#include "codec/crc32c_internal.h"

/*
 * What three chains run through.
 *
 * Lanes of the first kind are streams that the memory system recognises by itself. In shorter ones it sees streams
 * begin and end, so it is asked for what comes three times three lanes later. Three of the second kind just fit in 4
 * KiB, the usual size of a block of a table.
 */
const sm_crc32c_lane sm_crc32c_lanes[SM_CRC32C_N_LANES] = {
    {256 * 1024, 2048, 0x9B4615A9, 0x688D1C61},
    {1344, 9 * 1344, 0xC9C8B782, 0x889774E1},
    {128, 0, 0x0D3B6092, 0xB9E02B86},
};
