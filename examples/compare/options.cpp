#include "compare/options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <thread>

#include "compare/defaults.hpp"
#include "compare/format.hpp"

namespace compare {
namespace {

constexpr const char* examples = R"(
Examples:
  mango-compare --demo
      every optimizer on Fashion-MNIST in about two minutes; exit code 1 when a check fails
  mango-compare --model convnet --optimizers adamw
      a small residual network, above 91 % in about five minutes on two cores
  mango-compare --optimizers adamw adamw:stores=bf16 sgd:momentum=0.9 --seeds 3 --epochs 5
      three variants, three seeds each: means with their spread
  mango-compare --optimizers adamw prodigy --features all
      each alone, and with one feature at a time: cautious, Grams, atan2, OrthoGrad, ...
  mango-compare --model gpt --data my.txt --optimizers adamw sgd:momentum=0.9 --steps 800
      a character transformer on any text of at least 100 kB
  mango-compare --model convnet --data ~/cifar-10-batches-bin --optimizers all
      CIFAR-10, binary version

A spec is NAME or NAME:key=value,key=value; --list shows the names. Results do not depend on --threads.
Exit codes: 0 done, 1 a check failed, 2 the command or the data is wrong.)";

std::string join(std::span<const std::string> words) {
  std::string out;
  for (const auto& w : words) out += (out.empty() ? "" : ", ") + w;
  return out;
}

std::string option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* o : app.get_options()) names.push_back(o->get_name());
  return join(names);
}

// Unknown names are caught here, before any data is read; keys and values are the factory's business.
void check_optimizers(options& o, std::span<const std::string> names) {
  std::vector<std::string> specs;
  for (const auto& spec : o.optimizers) {
    const std::string name{name_in(spec)};
    if (spec == "all") {
      specs.insert(specs.end(), names.begin(), names.end());
    } else if (std::find(names.begin(), names.end(), name) != names.end()) {
      specs.push_back(spec);
    } else {
      throw std::invalid_argument("unknown optimizer '" + name + "'; there are " + join(names) + ", and 'all'");
    }
  }
  o.optimizers.clear();
  for (auto& spec : specs) {
    if (std::find(o.optimizers.begin(), o.optimizers.end(), spec) == o.optimizers.end()) o.optimizers.push_back(spec);
  }
}

// "all" features, or those of these names, in the order of the table
std::vector<feature_defaults> wanted_features(std::span<const std::string> wanted) {
  std::vector<std::string> names;
  for (const auto& f : feature_table) names.emplace_back(f.feature);
  for (const auto& w : wanted)
    if (w != "all" && std::find(names.begin(), names.end(), w) == names.end())
      throw std::invalid_argument("unknown feature '" + w + "'; there are " + join(names) + ", and 'all'");
  std::vector<feature_defaults> out;
  for (const auto& f : feature_table)
    for (const auto& w : wanted)
      if (w == "all" || w == f.feature) {
        out.push_back(f);
        break;
      }
  return out;
}

// every optimizer, and after it itself with each of the features
void add_features(options& o) {
  const auto features = wanted_features(o.features);
  std::vector<std::string> specs;
  for (const auto& spec : o.optimizers) {
    specs.push_back(spec);
    for (const auto& f : features)
      if (has_feature(spec, f))
        specs.push_back(spec + (spec.find(':') == spec.npos ? ":" : ",") + std::string{f.setting});
  }
  if (!features.empty() && specs.size() == o.optimizers.size())
    throw std::invalid_argument("none of these optimizers can have such a feature; adamw, adopt and prodigy have all");
  o.optimizers = std::move(specs);
}

// CLI11's own range checks print bounds such as 1.8e308 in full; this one says what it wants.
CLI::Validator between(double low, double high, const std::string& want) {
  return CLI::Validator{[=](const std::string& text) {
                          double value = 0.0;
                          const bool number = CLI::detail::lexical_cast(text, value);
                          return number && value >= low && value <= high ? std::string{}
                                                                         : "wants " + want + ", not '" + text + "'";
                        },
                        ""};
}

CLI::Validator whole() { return between(1, 1e9, "a whole number above zero"); }

void declare_training(CLI::App& app, options& o, std::string& seeds) {
  const auto many = whole();
  const auto positive = between(1e-12, 1e9, "a number above zero");
  app.add_option("--model", o.model, "mlp, convnet (images) or gpt (text)")
      ->check(CLI::IsMember({"mlp", "convnet", "gpt"}).description(""))
      ->type_name("NAME")
      ->capture_default_str();
  app.add_option("--optimizers", o.optimizers, "specs to compare, or 'all'")->type_name("SPEC")->capture_default_str();
  app.add_option("--features", o.features, "each one more variant of every optimizer that can have it, or 'all'")
      ->type_name("NAME");
  app.add_option("--data", o.data,
                 "images: folder of idx files (gzip or not) or CIFAR-10 batches [Fashion-MNIST];\n"
                 "gpt: text file or folder [/usr/share/common-licenses]")
      ->type_name("PATH");
  app.add_option("--seeds", seeds, "a count (3: seeds 1, 2, 3) or a list (7,11)")
      ->type_name("SEEDS")
      ->capture_default_str();
  auto* epochs = app.add_option("--epochs", o.epochs, "passes over the training half")->check(positive)->type_name("N");
  app.add_option("--steps", o.steps, "training steps instead")->check(many)->type_name("N")->excludes(epochs);
  app.add_option("--batch", o.batch, "images or text windows per step")->check(many)->type_name("N");
  app.add_option("--learning-rate", o.learning_rate, "peak, where the spec has none [see --list]")
      ->check(positive)
      ->type_name("X");
}

void declare_schedule(CLI::App& app, options& o) {
  app.add_option("--schedule", o.schedule, "constant or cosine, both after a linear warm-up")
      ->check(CLI::IsMember({"constant", "cosine"}).description(""))
      ->type_name("NAME")
      ->capture_default_str();
  app.add_option("--warmup", o.warmup, "fraction of the steps")
      ->check(between(0.0, 0.9, "a fraction between 0 and 0.9"))
      ->type_name("X")
      ->capture_default_str();
  app.add_option("--clip-norm", o.clip_norm, "largest global gradient norm, 0 for none [gpt: 1]")
      ->check(between(0.0, 1e30, "a number, zero or above"))
      ->type_name("X");
}

void declare_output(CLI::App& app, options& o) {
  app.add_option("--evaluations", o.evaluations, "points of the held-out curve")
      ->check(whole())
      ->type_name("N")
      ->capture_default_str();
  app.add_option("--threads", o.threads, "threads to use [all cores]")
      ->check(between(1, 256, "a number of threads between 1 and 256"))
      ->type_name("N");
  app.add_option("--output", o.output, "folder for report.html, results.csv and curves.csv")
      ->type_name("PATH")
      ->capture_default_str();
  app.add_option("--save", o.save, "folder for the weights and the optimizer of every run, saved at its end")
      ->type_name("PATH");
  app.add_option("--resume", o.resume,
                 "folder of --save: every run goes on from there, with the bits it would have had")
      ->type_name("PATH");
  app.add_option("--stop", o.stop, "end every run after N of its steps; the schedule is that of all of them")
      ->check(whole())
      ->type_name("N");
  app.add_flag("--quiet", o.quiet, "no progress, only the table");
  app.add_flag("--demo", o.demo, "compare every optimizer on Fashion-MNIST and check the result");
  app.add_flag("--list", o.list, "list the optimizers with their default learning rates, and exit");
}

// The demo is one fixed experiment: a setting that would change it is refused, never ignored.
void check_demo(const CLI::App& app, options& o, std::span<const std::string> names) {
  for (const char* fixed :
       {"--model", "--optimizers", "--features", "--data", "--epochs", "--steps", "--batch", "--learning-rate",
        "--schedule", "--warmup", "--clip-norm", "--save", "--resume", "--stop"}) {
    if (app.count(fixed) > 0)
      throw std::invalid_argument(std::string{"--demo fixes "} + fixed + "; leave one of the two out");
  }
  o.optimizers.clear();
  for (const auto& name : names) {
    o.optimizers.push_back(name);
    std::copy_if(demo_variants.begin(), demo_variants.end(), std::back_inserter(o.optimizers),
                 [&](const char* variant) { return name_in(variant) == name; });
  }
}

std::string seeds_text(const std::vector<std::uint64_t>& seeds) {
  const std::string count = std::to_string(seeds.size());
  if (parse_seeds(count) == seeds) return count;
  std::string out;
  for (const auto s : seeds) out += std::to_string(s) + ",";
  if (seeds.size() > 1) out.pop_back();
  return out;
}

}  // namespace

std::vector<std::uint64_t> parse_seeds(const std::string& text) {
  std::vector<std::uint64_t> out;
  const char* at = text.data();
  const char* end = at + text.size();
  for (bool more = true; more;) {
    std::uint64_t value = 0;
    const auto [next, code] = std::from_chars(at, end, value);
    if (code != std::errc{} || (next != end && *next != ',')) {
      throw std::invalid_argument("--seeds wants a count or a list such as 7,11, not '" + text + "'");
    }
    out.push_back(value);
    more = next != end;
    at = next + (more ? 1 : 0);
    if (more && at == end) break;  // "7," is the list of one seed, 7
  }
  if (text.find(',') != std::string::npos) return out;
  const std::uint64_t count = out.front();
  if (count < 1 || count > 1000) throw std::invalid_argument("--seeds wants between 1 and 1000 seeds");
  out.clear();
  for (std::uint64_t s = 1; s <= count; ++s) out.push_back(s);
  return out;
}

parsed parse(std::vector<std::string> arguments, std::span<const std::string> names) {
  options o;
  std::string seeds = "1";
  CLI::App app{"Trains real networks with mango's optimizers by name and compares accuracy, memory and time.",
               "mango-compare"};
  app.get_formatter()->column_width(26);
  declare_training(app, o, seeds);
  declare_schedule(app, o);
  declare_output(app, o);
  app.footer(examples);
  std::reverse(arguments.begin(), arguments.end());  // CLI11 takes a vector from its back
  try {
    app.parse(arguments);
    o.seeds = parse_seeds(seeds);
    if (o.demo) check_demo(app, o, names);
    check_optimizers(o, names);
    add_features(o);
  } catch (const CLI::CallForHelp&) {
    return {.run = {}, .text = app.help(), .exit_code = 0};
  } catch (const CLI::ExtrasError&) {
    return {.run = {},
            .text = "unknown option '" + app.remaining().front() + "'; there are " + option_names(app),
            .exit_code = 2};
  } catch (const std::exception& e) {
    return {.run = {}, .text = e.what(), .exit_code = 2};
  }
  if (o.threads == 0) o.threads = std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, 256);
  return {.run = std::move(o), .text = {}, .exit_code = 0};
}

std::string command_line(const options& o, const std::string& program) {
  std::string out = program;
  const auto add = [&](const std::string& name, const std::string& value) {
    out += " " + name + " " + shell_quoted(value);
  };
  if (o.demo) {
    out += " --demo";
  } else {
    add("--model", o.model);
    out += " --optimizers";
    for (const auto& spec : o.optimizers) out += " " + shell_quoted(spec);
    if (!o.data.empty()) add("--data", o.data);
    if (o.steps > 0) add("--steps", std::to_string(o.steps));
    if (o.epochs > 0) add("--epochs", print("%g", o.epochs));
    if (o.batch > 0) add("--batch", std::to_string(o.batch));
    if (o.learning_rate > 0) add("--learning-rate", print("%g", o.learning_rate));
    add("--schedule", o.schedule);
    add("--warmup", print("%g", o.warmup));
    if (o.clip_norm) add("--clip-norm", print("%g", *o.clip_norm));
  }
  add("--seeds", seeds_text(o.seeds));
  add("--evaluations", std::to_string(o.evaluations));
  add("--threads", std::to_string(o.threads));
  if (!o.save.empty()) add("--save", o.save);
  if (!o.resume.empty()) add("--resume", o.resume);
  if (o.stop > 0) add("--stop", std::to_string(o.stop));
  if (o.output != options{}.output) add("--output", o.output);
  return out;
}

}  // namespace compare
