// From the text of a list to its hashes, and by way of the disk on to the index: what a refresh costs on one core.
#include <benchmark/benchmark.h>

#include <string>

#include "blocklists/filter_set_builder.h"
#include "blocklists/list_parser.h"
#include "tests/support/real_lists.h"
#include "bench/support/synthetic_names.h"

namespace {

using namespace rampart;

constexpr base::HashKey kKey{};
constexpr std::size_t kChunk = 64 * 1024;  // as a download delivers it

std::string text_of(const std::string& before, const std::string& after, std::size_t count) {
  bench::SyntheticNames names(1);
  std::string text;
  for (std::size_t i = 0; i < count; ++i) text += before + names.next() + after + "\n";
  return text;
}

std::shared_ptr<blocklists::CompiledSource> parse(std::string_view text, benchmark::State& state) {
  blocklists::SourceCompiler compiler(kKey);
  blocklists::ListParser parser({}, compiler);
  for (std::size_t i = 0; i < text.size(); i += kChunk) parser.feed(text.substr(i, kChunk));
  if (!parser.finish()) state.SkipWithError("the list was refused");
  return std::make_shared<blocklists::CompiledSource>(compiler.finish());
}

void parse_and_build(benchmark::State& state, const std::string& text) {
  std::uint64_t rules = 0;
  for (auto _ : state) {
    auto builder = blocklists::FilterSetBuilder::create(kKey, {"ads"});
    const auto source = parse(text, state);
    if (!source->move_to_disk("").ok()) state.SkipWithError("no disk takes the names");
    (void)builder->add_source({.name = "bench", .group = 0, .action = blocklists::Action::kDeny}, source);
    rules = builder->build().value()->rule_count();
  }
  state.counters["rules"] = static_cast<double>(rules);
  state.SetBytesProcessed(static_cast<std::int64_t>(text.size()) * state.iterations());
}

void BM_ParseAndBuild_Hosts(benchmark::State& state) {
  parse_and_build(state, text_of("0.0.0.0 ", "", static_cast<std::size_t>(state.range(0))));
}
void BM_ParseAndBuild_Adblock(benchmark::State& state) {
  parse_and_build(state, text_of("||", "^", static_cast<std::size_t>(state.range(0))));
}
void BM_Parse_Hosts(benchmark::State& state) {
  const std::string text = text_of("0.0.0.0 ", "", static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(parse(text, state)->rule_count());
  state.SetBytesProcessed(static_cast<std::int64_t>(text.size()) * state.iterations());
}
void BM_ParseAndBuild_RealHosts(benchmark::State& state) {
  const auto text = support::read_real_list("stevenblack-hosts.txt");
  if (!text) {
    state.SkipWithError("the real lists are not there: set RAMPART_DATA_DIR");
    return;
  }
  parse_and_build(state, *text);
}

BENCHMARK(BM_Parse_Hosts)->Arg(1'000'000)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_ParseAndBuild_Hosts)->Arg(1'000'000)->Arg(5'000'000)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_ParseAndBuild_Adblock)->Arg(1'000'000)->Unit(benchmark::kMillisecond);
BENCHMARK(BM_ParseAndBuild_RealHosts)->Unit(benchmark::kMillisecond);

}  // namespace
