/*
 * The state is four vectors of four 64-bit lanes. A packet of 32 bytes, four lanes, is added to one vector; products of
 * halves mix the lanes with themselves, and a shuffle of the bytes of each pair of lanes mixes them with each other.
 */
#include "codec/highwayhash64.h"

#include <string.h>

enum { LANES = 4, PACKET_SIZE = 8 * LANES, FINAL_ROUNDS = 4 };

typedef struct state {
  uint64_t v0[LANES], v1[LANES];
  uint64_t mul0[LANES], mul1[LANES];
} state;

/* Digits of pi. */
static const uint64_t init0[LANES] = {0xDBE6D5D5FE4CCE2F, 0xA4093822299F31D0, 0x13198A2E03707344, 0x243F6A8885A308D3};
static const uint64_t init1[LANES] = {0x3BD39E10CB0EF593, 0xC0ACF169B5F18A8C, 0xBE5466CF34E90C6C, 0x452821E638D01377};

static uint64_t swap_halves(uint64_t lane) { return lane >> 32 | lane << 32; }

static uint64_t read_lane(const uint8_t *p) {
  uint64_t lane = 0;
  for (unsigned i = 0; i < 8; i++) lane |= (uint64_t)p[i] << (8 * i);
  return lane;
}

static void start(state *s, const uint64_t key[LANES]) {
  for (unsigned i = 0; i < LANES; i++) {
    s->mul0[i] = init0[i];
    s->mul1[i] = init1[i];
    s->v0[i] = init0[i] ^ key[i];
    s->v1[i] = init1[i] ^ swap_halves(key[i]);
  }
}

/* Byte number from of lane, moved to number to. */
static inline uint64_t byte(uint64_t lane, unsigned from, unsigned to) {
  return (lane >> (8 * from) & 0xFF) << (8 * to);
}

/* Adds the shuffled bytes of a pair of lanes to another pair. The products are random in their middle bytes and poor at
 * the ends; the order puts good bytes where the next round needs them. */
static void add_shuffled(uint64_t to[2], const uint64_t from[2]) {
  uint64_t lo = from[0], hi = from[1];
  to[0] += byte(lo, 3, 0) | byte(hi, 4, 1) | byte(lo, 2, 2) | byte(lo, 5, 3) | byte(hi, 6, 4) | byte(lo, 1, 5) |
           byte(hi, 7, 6) | byte(lo, 0, 7);
  to[1] += byte(hi, 3, 0) | byte(lo, 4, 1) | byte(hi, 2, 2) | byte(hi, 5, 3) | byte(hi, 1, 4) | byte(lo, 6, 5) |
           byte(hi, 0, 6) | byte(lo, 7, 7);
}

static void mix(state *s, const uint64_t packet[LANES]) {
  for (unsigned i = 0; i < LANES; i++) {
    s->v1[i] += s->mul0[i] + packet[i];
    s->mul0[i] ^= (s->v1[i] & 0xFFFFFFFF) * (s->v0[i] >> 32);
    s->v0[i] += s->mul1[i];
    s->mul1[i] ^= (s->v0[i] & 0xFFFFFFFF) * (s->v1[i] >> 32);
  }
  add_shuffled(s->v0, s->v1);
  add_shuffled(s->v0 + 2, s->v1 + 2);
  add_shuffled(s->v1, s->v0);
  add_shuffled(s->v1 + 2, s->v0 + 2);
}

static void mix_bytes(state *s, const uint8_t bytes[PACKET_SIZE]) {
  uint64_t packet[LANES];
  for (unsigned i = 0; i < LANES; i++) packet[i] = read_lane(bytes + 8 * i);
  mix(s, packet);
}

/* Both 32-bit halves of a lane, rotated. count: 1 to 31. */
static uint64_t rotate_halves(uint64_t lane, unsigned count) {
  uint32_t lo = (uint32_t)lane, hi = (uint32_t)(lane >> 32);
  lo = lo << count | lo >> (32 - count);
  hi = hi << count | hi >> (32 - count);
  return (uint64_t)hi << 32 | lo;
}

/* The last 1 to 31 bytes: words of four, then what is left over at a place that depends on the length. */
static void mix_rest(state *s, const uint8_t *bytes, unsigned size) {
  uint8_t packet[PACKET_SIZE] = {0};
  unsigned words = size & ~3u, left = size & 3;
  for (unsigned i = 0; i < LANES; i++) {
    s->v0[i] += ((uint64_t)size << 32) + size;
    s->v1[i] = rotate_halves(s->v1[i], size);
  }
  memcpy(packet, bytes, words);
  if (size >= 16) {
    memcpy(packet + PACKET_SIZE - 4, bytes + size - 4, 4);
  } else if (left != 0) {
    packet[16] = bytes[words];
    packet[17] = bytes[words + (left >> 1)];
    packet[18] = bytes[size - 1];
  }
  mix_bytes(s, packet);
}

static uint64_t finish(state *s) {
  for (unsigned round = 0; round < FINAL_ROUNDS; round++) {
    uint64_t permuted[LANES];
    for (unsigned i = 0; i < LANES; i++) permuted[i] = swap_halves(s->v0[(i + 2) % LANES]);
    mix(s, permuted);
  }
  return s->v0[0] + s->v1[0] + s->mul0[0] + s->mul1[0];
}

uint64_t sm_highwayhash64(const uint64_t key[4], const void *data, size_t size) {
  const uint8_t *p = data;
  state s;
  start(&s, key);
  for (; size >= PACKET_SIZE; p += PACKET_SIZE, size -= PACKET_SIZE) mix_bytes(&s, p);
  if (size != 0) mix_rest(&s, p, (unsigned)size);
  return finish(&s);
}
