// What `pope reproduce` knows of the paper, read from a folder of YAML (configs/paper):
//   arms.yaml    the steps that make base model, hard set and guided set, the gate of the base model, and the
//                arms: one per method, baseline or ablation. Every step is one run of a pope verb per base
//                seed, every arm one per base seed and RL seed.
//   STUDY.yaml   one per figure or table: its title, its claims, each a comparison of two arms, and what its
//                page draws.
// A new ablation is an entry in arms.yaml, a new figure one file; docs/reproduce.md has the format.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace pope {

// One run of a verb. Setting values and the argument may hold "@NAME" or "@NAME/FILE": the output of another
// step of the same base, or of another arm (of the same RL seed, where it has that one), which runs first.
struct Step {
  std::string name, verb;
  std::string label;  // of an arm: the method's name in tables; "" for the other steps
  std::string argument;
  std::string out;                                            // file or folder name in the folder it runs in
  std::vector<std::string> config;                            // files for -c
  std::vector<std::pair<std::string, std::string>> settings;  // key, value as YAML text
  std::string arm;       // the arm that this trains or evaluates; "": a step, once per base
  bool all_rl = false;   // with all RL seeds, not the first alone
  bool literal = false;  // "@NAME" of the gate's first attempt is that step, not the attempt that passed
};

// One entry of `arms`.
struct Arm {
  std::string name, label;
  std::vector<std::string> runs;  // steps: NAME, or of an arm with `repeat` NAME-1, NAME-2, …
  bool all_rl = false, grid = false;
  double spent = 0;  // rollouts of the steps that it reads, and that others do not need
};

// What a claim measures: an arm's metric, averaged over a window of its training steps.
struct Term {
  std::string arm;
  std::string metric;  // see measure.h
  // start | early | middle | late | all: see measure.h; "" for those without a window
  std::string window;
  // The runs that measure it: the arm's, or, of an arm with `repeat`, all of them. They are averaged.
  std::vector<std::string> runs;
  bool all_rl = false;
  double spent = 0;  // Arm::spent
};

enum class Side { above, below, within };

// left − times·right (or left alone) is above (or below) a bound that was fixed before the runs, or within
// ± that bound.
struct Claim {
  std::string id;  // unique in its study
  std::string text;
  Term left;
  std::optional<Term> right;
  double times = 1, bound = 0;
  Side side = Side::above;
  bool condition = false;        // of what the other claims rest on; counted apart
  std::string untestable;        // why the runs cannot say it; "": they can
  std::optional<double> expect;  // of left − times·right, said before the runs
  std::optional<double> noise;   // its standard deviation between bases
};

// A chart: metric y of some arms against their training steps, or against another metric.
struct Figure {
  // Keys of metrics.jsonl. x = "": steps.
  std::string title, x, y;
  std::vector<Term> arms;  // metric y
};

struct Study {
  std::string name, title;
  std::vector<Claim> claims;
  std::vector<Figure> figures;
  std::string paper;  // its place in the paper: "Sec. 3.1, Fig. 3"
};

// What a base model must do before anything is trained from it: a bound on a final/… metric.
struct BaseCondition {
  std::string id, text, metric;
  bool above = true;
  double bound = 0;
};

// The attempts are steps, tried in order until one meets all conditions; "@FIRST" elsewhere is that one.
struct BaseGate {
  std::vector<std::string> attempts;
  std::vector<BaseCondition> conditions;
};

struct Plan {
  std::vector<Step> steps;  // arms, their evaluations ("eval-ARM") and the gate's ("gate-ATTEMPT") among
                            // them, every step after those it reads
  std::vector<Study> studies;
  std::map<std::string, Arm> arms;
  std::optional<BaseGate> gate;
  std::vector<std::string> rates;  // learning rates of `pope reproduce rates`
  std::string baseline;            // the arm that the page's gains are against; "": none

  const Step& step(const std::string& name) const;  // Error with the nearest known name
  const Study& study(const std::string& name) const;
  bool evaluated(const std::string& run) const;  // whether there is a step "eval-RUN"
  // The steps of these names and what they read, in the order of `steps`.
  std::vector<Step> with_inputs(const std::vector<std::string>& names) const;
  // The steps that these studies' claims and figures need, in the order of `steps`.
  std::vector<Step> needed(const std::vector<Study>& studies) const;
};

// The names that a step's settings and argument refer to by "@".
std::vector<std::string> references(const Step& step);
// Whether the value of setting `key` may refer to outputs: paths and models; a prompt may hold an "@".
bool may_refer(const std::string& key);
// `text` with every "@NAME" replaced by what `output` gives for NAME.
std::string with_references(const std::string& text,
                            const std::function<std::string(const std::string& name)>& output);

// Later settings win, in the place of the first.
void override_settings(std::vector<std::pair<std::string, std::string>>& settings,
                       const std::vector<std::pair<std::string, std::string>>& later);

// `quick`: with the settings that entries of arms.yaml have under that name.
// Errors name file and entry: unknown keys, a reference to no step or in a circle, a claim about no arm.
Plan read_plan(const std::filesystem::path& folder, bool quick = false);

}  // namespace pope
