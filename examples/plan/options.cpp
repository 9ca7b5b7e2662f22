#include "plan/options.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <stdexcept>

namespace plan {
namespace {

constexpr const char* examples = R"(
Examples:
  mango-plan gpt2_124m --budget 2GiB
  mango-plan llama_7b --budget 24GiB --parameters bf16 --gradients fused
  mango-plan shard-1.safetensors shard-2.safetensors --parameters bf16 --master --svg plan.svg
  mango-plan my_model.csv --optimizers adamw adamw:stores=bf16 --set accumulate=yes

A .csv has the line count,shape and then lines such as 12,768x3072. Of a .safetensors file only the header is read.
Exit codes: 0 something fits, 1 nothing does, 2 the command or a file is wrong.)";

void declare(CLI::App& app, options& o, std::string& budget, std::string& parameters, std::string& gradients) {
  const auto one_of = [](std::vector<std::string> words) { return CLI::IsMember(std::move(words)).description(""); };
  app.add_option("models", o.models, "models by name (--list), .csv files, .safetensors files; several count together")
      ->type_name("MODEL");
  app.add_option("--budget", budget, "what there is, such as 24GiB, 80GB or a number of bytes")->type_name("SIZE");
  app.add_option("--parameters", parameters, "fp32, bf16 or fp16: how weights and gradients are kept")
      ->check(one_of({"fp32", "bf16", "fp16"}))
      ->type_name("TYPE")
      ->capture_default_str();
  app.add_flag("--master", o.how.master, "weights of 16 bits follow fp32 master copies");
  app.add_option("--gradients", gradients, "held: all at once; fused: one tensor at a time, during backward")
      ->check(one_of({"held", "fused"}))
      ->type_name("HOW")
      ->capture_default_str();
  app.add_flag("--background-save", o.how.background_save,
               "checkpoints are written while training goes on, from a copy");
  app.add_option("--optimizers", o.optimizers, "only these, as NAME or NAME:key=value,key=value [all]")
      ->type_name("SPEC");
  app.add_option("--set", o.how.settings, "a setting of every optimizer, such as accumulate=yes")
      ->type_name("KEY=VALUE");
  app.add_option("--svg", o.svg, "also draw the chart to this file")->type_name("FILE");
  app.add_flag("--list", o.list, "list the models that are built in, and exit");
}

void check(options& o, const std::string& budget) {
  if (o.models.empty() && !o.list) throw std::invalid_argument("no model; name one of --list, or a file");
  if (o.how.master && o.how.parameters == mango::dtype::f32)
    throw std::invalid_argument("--master wants --parameters bf16 or fp16: fp32 weights need no other copy");
  if (budget.empty()) return;
  o.budget = parse_bytes(budget);
  if (!o.budget)
    throw std::invalid_argument("--budget wants bytes such as 24GiB, 80GB or 25769803776, not '" + budget + "'");
}

}  // namespace

parsed parse(std::vector<std::string> arguments) {
  options o;
  std::string budget, parameters = "fp32", gradients = "held";
  CLI::App app{
      "Says what training a model takes with each of mango's optimizers and stores, to the byte, and what fits.",
      "mango-plan"};
  app.get_formatter()->column_width(26);
  declare(app, o, budget, parameters, gradients);
  app.footer(examples);
  std::reverse(arguments.begin(), arguments.end());  // CLI11 takes a vector from its back
  try {
    app.parse(arguments);
    o.how.parameters = parameters == "bf16"   ? mango::dtype::bf16
                       : parameters == "fp16" ? mango::dtype::f16
                                              : mango::dtype::f32;
    o.how.fused = gradients == "fused";
    if (app.count("--budget") > 0 && budget.empty()) budget = " ";
    check(o, budget);
  } catch (const CLI::CallForHelp&) {
    return {.run = {}, .text = app.help(), .exit_code = 0};
  } catch (const std::exception& e) {
    return {.run = {}, .text = e.what(), .exit_code = 2};
  }
  return {.run = std::move(o), .text = {}, .exit_code = 0};
}

}  // namespace plan
