#include "compare/report/csv.hpp"

#include "compare/format.hpp"

namespace compare {

std::string csv_field(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string{text};
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string{"\"\""} : std::string{c};
  return out + "\"";
}

std::string results_csv(const experiment& e) {
  std::string out =
      "optimizer,seed,model,data,parameters,learning_rate,steps,skipped_steps,batch,loss,accuracy,state_bytes,planned_"
      "bytes,"
      "gradient_bytes,peak_rss_bytes,optimizer_ms_median,step_ms_median,seconds,diverged\n";
  for (const run& r : e.runs) {
    out += csv_field(r.optimizer) + print(",%llu,", static_cast<unsigned long long>(r.seed)) + csv_field(e.model) +
           "," + csv_field(e.data);
    out += print(",%zu,%g,%zu,%zu,%zu,%.9g,", r.parameters, r.learning_rate, r.steps, r.skipped, e.batch, r.loss);
    out += e.classifies ? print("%.6g", r.accuracy) : std::string{};
    out += print(",%zu,%zu,%zu,%zu,%.6g,%.6g,%.4g,%d\n", r.state_bytes, r.planned_bytes, r.gradient_bytes, r.peak_bytes,
                 r.optimizer_ms, r.step_ms, r.seconds, r.diverged ? 1 : 0);
  }
  return out;
}

std::string curves_csv(const experiment& e) {
  std::string out = "optimizer,seed,set,step,epoch,loss,accuracy,learning_rate,seconds\n";
  const auto add = [&](const run& r, const char* set, const std::vector<curve_point>& curve) {
    for (const curve_point& p : curve) {
      const std::string epoch =
          e.steps_per_epoch > 0 ? print("%.6g", static_cast<double>(p.step) / e.steps_per_epoch) : "";
      out += csv_field(r.optimizer) + print(",%llu,%s,%zu,", static_cast<unsigned long long>(r.seed), set, p.step) +
             epoch + print(",%.9g,%.6g,%.6g,%.4g\n", p.loss, p.accuracy, p.learning_rate, p.seconds);
    }
  };
  for (const run& r : e.runs) {
    add(r, "train", r.train);
    add(r, "held_out", r.held_out);
  }
  return out;
}

}  // namespace compare
