// Rotary frequencies, and the fields of config.json that say what they are.
#include "model/rope.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/error.h"
#include "model/architecture.h"
#include "model/config_fields.h"
#include "model/families.h"

namespace pope {
namespace {

using config::object_in, config::real, config::refuse, config::truth, config::value_of, config::whole;
using Kind = RopeScaling::Kind;

struct NamedKind {
  const char* name;
  Kind kind;
};
constexpr NamedKind kKinds[] = {{"linear", Kind::linear},
                                {"llama3", Kind::llama3},
                                {"yarn", Kind::yarn},
                                {"dynamic", Kind::dynamic},
                                {"longrope", Kind::longrope}};

// yarn's attention_factor, where it is not given: from the factor, or from two factors' ratio.
double yarn_attention(const Json& rope, const std::string& field, double factor) {
  const auto strength = [&](double scale) { return factor <= 1 ? 1 : 0.1 * scale * std::log(factor) + 1; };
  const double scale = real(value_of(rope, "mscale"), field + ".mscale", 0),
               all = real(value_of(rope, "mscale_all_dim"), field + ".mscale_all_dim", 0);
  return real(value_of(rope, "attention_factor"), field + ".attention_factor",
              scale != 0 && all != 0 ? strength(scale) / strength(all) : strength(1));
}

void read_longrope(const Json& rope, const std::string& field, int context, RopeScaling& scaling) {
  const Json& factors = value_of(rope, "short_factor");
  if (!factors.is_array()) refuse(field, rope, "\"short_factor\" must be a list");
  for (const Json& factor : factors) scaling.short_factors.push_back(real(factor, field + ".short_factor"));
  scaling.extended_context = context;
  scaling.factor = real(value_of(rope, "factor"), field + ".factor",
                        double(context) / std::max(scaling.original_context, 1));
  const double grown = std::log(scaling.factor) / std::log(std::max(scaling.original_context, 2));
  scaling.attention_factor = real(value_of(rope, "attention_factor"), field + ".attention_factor",
                                  scaling.factor <= 1 ? 1 : std::sqrt(1 + grown));
}

RopeScaling read_scaling(const Json& config, const Json& rope, const std::string& field, Kind kind,
                         const Architecture& a) {
  RopeScaling scaling;
  scaling.kind = kind;
  const auto number = [&](const char* key) { return real(value_of(rope, key), field + "." + key); };
  if (kind != Kind::longrope) scaling.factor = number("factor");
  if (kind == Kind::linear) return scaling;
  const std::string original = "original_max_position_embeddings";
  if (kind == Kind::llama3) {
    scaling.low_freq_factor = number("low_freq_factor");
    scaling.high_freq_factor = number("high_freq_factor");
    scaling.original_context = whole(value_of(rope, original.c_str()), field + "." + original);
    return scaling;
  }
  scaling.source = rope;
  scaling.source.erase("rope_theta");
  if (kind == Kind::dynamic) return scaling;
  const int inside = whole(value_of(rope, original.c_str()), field + "." + original, a.context);
  const int family_default = a.traits().original_context;
  scaling.original_context =
      whole(value_of(config, original.c_str()), original, family_default > 0 ? family_default : inside);
  if (kind == Kind::longrope) {
    read_longrope(rope, field, a.context, scaling);
    return scaling;
  }
  scaling.beta_fast = real(value_of(rope, "beta_fast"), field + ".beta_fast", 32);
  scaling.beta_slow = real(value_of(rope, "beta_slow"), field + ".beta_slow", 1);
  scaling.truncate = truth(value_of(rope, "truncate"), field + ".truncate", true);
  scaling.attention_factor = yarn_attention(rope, field, scaling.factor);
  return scaling;
}

void read_share(const Json& object, Architecture& a) {
  const Json& share = value_of(object, "partial_rotary_factor");
  a.rotary_share = real(share, "partial_rotary_factor", a.rotary_share);
  if (a.rotary_share != 1 && !a.traits().partial_rotary) refuse("partial_rotary_factor", share, "only 1 is");
}

// θ and scaling of one kind of layer, out of its object of "rope_parameters" or out of "rope_scaling".
void read_rope_object(const Json& config, const Json& rope, const std::string& field, Architecture& a,
                      double& theta, RopeScaling& scaling) {
  read_share(rope, a);
  Json type = value_of(rope, "rope_type");
  if (type.is_null()) type = value_of(rope, "type");
  if (!type.is_null() && type != "default") {
    // Phi-3's first files call it so.
    if (std::string_view(a.family) == "phi3" && (type == "su" || type == "yarn")) type = "longrope";
    const auto* const known = std::find_if(std::begin(kKinds), std::end(kKinds),
                                           [&](const NamedKind& kind) { return type == kind.name; });
    if (known == std::end(kKinds)) {
      refuse(field, rope,
             "only the rope_types \"default\", \"linear\", \"llama3\", \"yarn\", \"dynamic\" and "
             "\"longrope\" are");
    }
    scaling = read_scaling(config, rope, field, known->kind, a);
  }
  theta = real(value_of(rope, "rope_theta"), field + ".rope_theta", theta);
}

Json scaling_json(const RopeScaling& s) {
  if (s.none()) return {{"rope_type", "default"}};
  if (s.kind == Kind::linear) return {{"rope_type", "linear"}, {"factor", s.factor}};
  if (s.kind == Kind::llama3) {
    return {{"rope_type", "llama3"},
            {"factor", s.factor},
            {"low_freq_factor", s.low_freq_factor},
            {"high_freq_factor", s.high_freq_factor},
            {"original_max_position_embeddings", s.original_context}};
  }
  return s.source;
}

// As transformers 5 reads it, whatever names were read.
Json new_scaling_json(const RopeScaling& s) {
  Json rope = scaling_json(s);
  if (s.source.empty()) return rope;
  rope.erase("type");
  for (const NamedKind& known : kKinds)
    if (known.kind == s.kind) rope["rope_type"] = known.name;
  if (s.kind == Kind::longrope) rope["original_max_position_embeddings"] = s.original_context;
  return rope;
}

// As transformers 4 reads it: there longrope has these three fields and no others.
Json old_scaling_json(const RopeScaling& s) {
  if (s.none()) return Json();
  const bool plain = !s.source.contains("factor") && !s.source.contains("attention_factor");
  if (s.kind != Kind::longrope || !plain) return scaling_json(s);
  return {{"type", "longrope"},
          {"short_factor", value_of(s.source, "short_factor")},
          {"long_factor", value_of(s.source, "long_factor")}};
}

// The part of pair i's frequency that stays as it is; the rest is divided by the factor.
double kept(const RopeScaling& s, double frequency, double theta, int i, int rotated) {
  constexpr double kTurn = 2 * std::numbers::pi;
  if (s.kind == Kind::linear) return 0;
  if (s.kind == Kind::llama3) {
    const double turns = s.original_context * frequency / kTurn;
    return std::clamp((turns - s.low_freq_factor) / (s.high_freq_factor - s.low_freq_factor), 0.0, 1.0);
  }
  const auto pair_that_turns = [&](double times) {
    return rotated * std::log(s.original_context / (times * kTurn)) / (2 * std::log(theta));
  };
  double low = pair_that_turns(s.beta_fast), high = pair_that_turns(s.beta_slow);
  if (s.truncate) low = std::floor(low), high = std::ceil(high);
  low = std::max(low, 0.0), high = std::min(high, rotated - 1.0);
  if (low == high) high += 0.001;
  return 1 - std::clamp((i - low) / (high - low), 0.0, 1.0);
}

}  // namespace

std::vector<double> rotary_frequencies(const Architecture& a, bool windowed) {
  const RopeScaling& s = windowed ? a.window_rope_scaling : a.rope_scaling;
  const double theta = windowed ? a.window_rope_theta : a.rope_theta;
  const int rotated = a.rotated_width();
  std::vector<double> frequencies(std::size_t(a.head_width / 2), 0.0);
  for (int i = 0; i < rotated / 2; ++i) {
    double& frequency = frequencies[std::size_t(i)];
    frequency = std::pow(theta, -2.0 * i / rotated);
    if (s.none() || s.kind == Kind::dynamic) continue;
    if (s.kind == Kind::longrope) {
      frequency /= s.short_factors[std::size_t(i)];
      continue;
    }
    const double part = kept(s, frequency, theta, i, rotated);
    frequency *= part + (1 - part) / s.factor;
  }
  return frequencies;
}

const char* rope_field(const Json& config) {
  return object_in(config, "rope_scaling").empty() ? "rope_parameters" : "rope_scaling";
}

void read_rope(const Json& config, Architecture& a) {
  const Family& family = a.traits();
  read_share(config, a);
  a.rope_theta = real(value_of(config, "rope_theta"), "rope_theta", family.rope_theta);
  const auto read = [&](const Json& rope, const std::string& field, double& theta, RopeScaling& scaling) {
    read_rope_object(config, rope, field, a, theta, scaling);
  };
  const char* const chosen = rope_field(config);
  const Json& scaling = object_in(config, "rope_scaling");
  const Json& parameters = object_in(config, family.window_has_rope ? "rope_parameters" : chosen);
  const bool by_layer = parameters.contains("full_attention") || parameters.contains("sliding_attention");
  if (!parameters.empty() && by_layer != family.window_has_rope) {
    refuse(
        family.window_has_rope ? "rope_parameters" : chosen, parameters,
        by_layer ? "this family has one rope for all layers" : "this family has one for each type of layer");
  }
  if (!family.window_has_rope) {
    read(parameters, chosen, a.rope_theta, a.rope_scaling);
    a.window_rope_theta = a.rope_theta;
    a.window_rope_scaling = a.rope_scaling;
  } else {
    // "rope_scaling" changes fields of the full layers, whose rope_type goes before its older name "type".
    Json full = parameters.empty() ? Json{{"rope_type", "default"}} : object_in(parameters, "full_attention");
    full.update(scaling);
    read(full, scaling.empty() ? "rope_parameters.full_attention" : "rope_scaling", a.rope_theta,
         a.rope_scaling);
    a.window_rope_theta = a.rope_theta;
    if (const char* const own = family.window_theta_field)
      a.window_rope_theta = real(value_of(config, own), own, 10000);
    const std::string field = "rope_parameters.sliding_attention";
    const Json& sliding = object_in(parameters, "sliding_attention");
    RopeScaling none;
    read(sliding, field, a.window_rope_theta, none);
    if (!none.none()) refuse(field, sliding, "layers with a window have no rope scaling");
  }
  if (a.rope_scaling.kind == Kind::longrope) a.context = std::min(a.context, a.rope_scaling.original_context);
}

void write_rope(const Architecture& a, Json& config) {
  config["rope_theta"] = a.rope_theta;  // transformers 4 reads this one, transformers 5 the next
  Json rope = {{"rope_theta", a.rope_theta}};
  rope.update(new_scaling_json(a.rope_scaling));
  config["rope_scaling"] = old_scaling_json(a.rope_scaling);
  if (a.rope_scaling.kind == Kind::longrope)
    config["original_max_position_embeddings"] = a.rope_scaling.original_context;
  if (a.rotary_share != 1) config["partial_rotary_factor"] = rope["partial_rotary_factor"] = a.rotary_share;
  const Family& family = a.traits();
  if (family.window_theta_field) config[family.window_theta_field] = a.window_rope_theta;
  if (family.window_has_rope) {
    const Json sliding = {{"rope_type", "default"}, {"rope_theta", a.window_rope_theta}};
    rope = {{"full_attention", rope}, {"sliding_attention", sliding}};
  }
  config["rope_parameters"] = std::move(rope);
}

void check_rope(const Architecture& a, const std::string& operation) {
  const auto positive = [&](const char* field, double value) {
    if (!(value > 0) || !std::isfinite(value))
      throw Error(operation, fmt::format("expected a positive \"{}\", got {}", field, value));
  };
  positive("rope_theta", a.rope_theta);
  const char* const own = a.traits().window_theta_field;
  positive(own ? own : "rope_theta", a.window_rope_theta);
  const RopeScaling& s = a.rope_scaling;
  if (!(a.rotary_share > 0 && a.rotary_share <= 1)) {
    throw Error(operation, fmt::format("expected \"partial_rotary_factor\" above 0 and at most 1, got {}",
                                       a.rotary_share));
  }
  if (s.kind == Kind::yarn && !(a.rope_theta > 1))
    throw Error(operation, fmt::format("expected \"rope_theta\" above 1 with yarn, got {}", a.rope_theta));
  if (!(a.query_growth >= 0) || !std::isfinite(a.query_growth)) {
    throw Error(operation,
                fmt::format("expected \"llama_4_scaling_beta\" of at least 0, got {}", a.query_growth));
  }
  if (!(s.factor >= 1) || !std::isfinite(s.factor) || !(s.low_freq_factor > 0) ||
      !(s.high_freq_factor > s.low_freq_factor) || !std::isfinite(s.high_freq_factor) ||
      s.original_context < 1) {
    throw Error(
        operation,
        "expected rope scaling with factor >= 1, 0 < low_freq_factor < high_freq_factor and a positive "
        "original_max_position_embeddings");
  }
  positive("attention_factor", s.attention_factor);
  positive("beta_fast", s.beta_fast);
  positive("beta_slow", s.beta_slow);
  for (const double factor : s.short_factors) positive("short_factor", factor);
  const int rotated = a.rotated_width();
  if (rotated < 2 || rotated > a.head_width || rotated % 2 != 0) {
    throw Error(operation,
                fmt::format("expected \"partial_rotary_factor\" to leave an even number of at most {} "
                            "values of a head, got {}",
                            a.head_width, rotated));
  }
  if (s.kind == Kind::longrope && std::ssize(s.short_factors) != rotated / 2) {
    throw Error(operation, fmt::format("expected {} numbers in \"short_factor\", got {}", rotated / 2,
                                       s.short_factors.size()));
  }
}

}  // namespace pope
