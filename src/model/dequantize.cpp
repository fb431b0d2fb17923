// Blocks of quantised values → f32, in ggml's layouts. d is a block's scale, m its offset; the K formats have
// quantised scales and offsets per 16 or 32 values besides. Blocks are packed, so fields are read bytewise.
#include "model/dequantize.h"

#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>

#include <cstring>

namespace pope {
namespace {

using Byte = std::uint8_t;

template <class T>
T load(const Byte* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}
float half(const Byte* from) { return float(c10::Half(load<std::uint16_t>(from), c10::Half::from_bits())); }

void f32(const Byte* from, float* to) { *to = load<float>(from); }
void f16(const Byte* from, float* to) { *to = half(from); }
void bf16(const Byte* from, float* to) {
  *to = float(c10::BFloat16(load<std::uint16_t>(from), c10::BFloat16::from_bits()));
}

// d f16, 32 × i8.
void q8_0(const Byte* from, float* to) {
  const float d = half(from);
  for (int i = 0; i < 32; ++i) to[i] = d * float(std::int8_t(from[2 + i]));
}

// The low nibbles of 16 bytes are values 0–15, the high ones 16–31; the fifth bits, where there are any, are
// the bits of `high` in the order of the values.
template <bool kOffset>  // with m: d·q + m; else d·(q − middle)
void four_or_five_bits(const Byte* from, float* to, bool five) {
  const float d = half(from), m = kOffset ? half(from + 2) : 0;
  from += kOffset ? 4 : 2;
  const std::uint32_t high = five ? load<std::uint32_t>(from) : 0;
  if (five) from += 4;
  const int middle = kOffset ? 0 : five ? 16 : 8;
  for (int i = 0; i < 16; ++i) {
    const int low_value = (from[i] & 15) | int(high >> i & 1) << 4;
    const int high_value = from[i] >> 4 | int(high >> (i + 16) & 1) << 4;
    to[i] = d * float(low_value - middle) + m;
    to[i + 16] = d * float(high_value - middle) + m;
  }
}
void q4_0(const Byte* from, float* to) { four_or_five_bits<false>(from, to, false); }
void q4_1(const Byte* from, float* to) { four_or_five_bits<true>(from, to, false); }
void q5_0(const Byte* from, float* to) { four_or_five_bits<false>(from, to, true); }
void q5_1(const Byte* from, float* to) { four_or_five_bits<true>(from, to, true); }

// Scale and offset (6 bits each) of the group-th 32 values, out of 12 bytes.
struct ScaleOffset {
  int scale, offset;
};
ScaleOffset six_bits(const Byte* packed, int group) {
  if (group < 4) return {packed[group] & 63, packed[group + 4] & 63};
  return {(packed[group + 4] & 15) | (packed[group - 4] >> 6) << 4,
          packed[group + 4] >> 4 | (packed[group] >> 6) << 4};
}

// d f16, m f16, 12 bytes of scales, (q5: 32 bytes of fifth bits,) 128 bytes of nibbles: each 32 bytes hold
// the low nibbles of one group of 32 values and the high nibbles of the next.
void four_or_five_bits_k(const Byte* from, float* to, bool five) {
  const float d = half(from), m = half(from + 2);
  const Byte* packed = from + 4;
  const Byte* fifth = from + 16;
  const Byte* nibbles = from + (five ? 48 : 16);
  for (int group = 0; group < 8; ++group) {
    const auto [scale, offset] = six_bits(packed, group);
    const float group_d = d * float(scale), group_m = m * float(offset);
    for (int i = 0; i < 32; ++i) {
      const Byte byte = nibbles[group / 2 * 32 + i];
      int value = group % 2 == 0 ? byte & 15 : byte >> 4;
      if (five) value |= (fifth[i] >> group & 1) << 4;
      to[group * 32 + i] = group_d * float(value) - group_m;
    }
  }
}
void q4_k(const Byte* from, float* to) { four_or_five_bits_k(from, to, false); }
void q5_k(const Byte* from, float* to) { four_or_five_bits_k(from, to, true); }

// 128 bytes of low nibbles, 64 of upper bit pairs, 16 × i8 scales, d f16. Each half of 128 values has 64
// bytes of nibbles and 32 of pairs; quarter k of it takes the low (k < 2) or high nibbles and the k-th pair
// of bits.
void q6_k(const Byte* from, float* to) {
  const float d = half(from + 208);
  for (int part = 0; part < 2; ++part) {
    const Byte* nibbles = from + part * 64;
    const Byte* pairs = from + 128 + part * 32;
    const Byte* scales = from + 192 + part * 8;
    for (int k = 0; k < 4; ++k) {
      for (int i = 0; i < 32; ++i) {
        const Byte byte = nibbles[k % 2 * 32 + i];
        const int value = (k < 2 ? byte & 15 : byte >> 4) | (pairs[i] >> (2 * k) & 3) << 4;
        const int scale = std::int8_t(scales[k * 2 + i / 16]);
        *to++ = d * float(scale) * float(value - 32);
      }
    }
  }
}

constexpr GgufType kTypes[] = {
    {0, "F32", 1, 4, f32},        {1, "F16", 1, 2, f16},        {30, "BF16", 1, 2, bf16},
    {2, "Q4_0", 32, 18, q4_0},    {3, "Q4_1", 32, 20, q4_1},    {6, "Q5_0", 32, 22, q5_0},
    {7, "Q5_1", 32, 24, q5_1},    {8, "Q8_0", 32, 34, q8_0},    {12, "Q4_K", 256, 144, q4_k},
    {13, "Q5_K", 256, 176, q5_k}, {14, "Q6_K", 256, 210, q6_k},
};

// llama.cpp's other formats, to be named.
struct OtherType {
  std::uint32_t id;
  const char* name;
};
constexpr OtherType kOtherTypes[] = {
    {9, "Q8_1"},     {10, "Q2_K"},  {11, "Q3_K"},   {15, "Q8_K"},  {16, "IQ2_XXS"}, {17, "IQ2_XS"},
    {18, "IQ3_XXS"}, {19, "IQ1_S"}, {20, "IQ4_NL"}, {21, "IQ3_S"}, {22, "IQ2_S"},   {23, "IQ4_XS"},
    {24, "I8"},      {25, "I16"},   {26, "I32"},    {27, "I64"},   {28, "F64"},     {29, "IQ1_M"},
    {34, "TQ1_0"},   {35, "TQ2_0"}, {39, "MXFP4"},  {40, "NVFP4"}};

}  // namespace

const GgufType* find_gguf_type(std::uint32_t id) {
  for (const GgufType& type : kTypes) {
    if (type.id == id) return &type;
  }
  return nullptr;
}

std::string gguf_type_names() {
  std::string names;
  for (const GgufType& type : kTypes) names += (names.empty() ? "" : ", ") + std::string(type.name);
  return names;
}

std::string gguf_type_name(std::uint32_t id) {
  if (const GgufType* type = find_gguf_type(id)) return type->name;
  for (const OtherType& type : kOtherTypes) {
    if (type.id == id) return type.name;
  }
  return std::to_string(id);
}

}  // namespace pope
