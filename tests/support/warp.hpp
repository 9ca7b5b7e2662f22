#pragma once
// A warp on the host: 32 threads that meet at barriers, to run what a GPU's threads would run.
#include <barrier>
#include <thread>
#include <vector>

namespace support {

/// A team of 32 (pass/team.hpp has the team of one): member `rank()` of them.
class warp {
 public:
  static constexpr int size = 32;

  int rank() const { return rank_; }
  /// The largest x of all members, given to each.
  float max(float x) const {
    meeting_->offered[rank_] = x;
    meeting_->barrier.arrive_and_wait();
    float most = meeting_->offered[0];
    for (const float other : meeting_->offered) most = other > most ? other : most;
    meeting_->barrier.arrive_and_wait();  // nobody offers again before everybody has looked
    return most;
  }

  /// Runs f(team) on 32 threads and waits for all.
  template <class F> static void run(F f) {
    meeting shared;
    std::vector<std::thread> threads;
    for (int r = 0; r < size; ++r) threads.emplace_back([&, r] { f(warp(r, shared)); });
    for (std::thread& t : threads) t.join();
  }

 private:
  struct meeting {
    std::barrier<> barrier{size};
    float offered[size] = {};
  };
  warp(int rank, meeting& m) : rank_(rank), meeting_(&m) {}

  int rank_;
  meeting* meeting_;
};

}  // namespace support
