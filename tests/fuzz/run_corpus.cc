// Runs a fuzz target without libFuzzer: every file of a corpus folder as it is, then seeded mutations of them.
// Usage: fuzz_NAME FOLDER [MUTATIONS [SEED]]. The input that is being run is kept in memory and written to
// ./crash-input.bin when the process dies by a signal, so that a failure can be repeated.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Input = std::vector<std::uint8_t>;

constexpr std::size_t kInputBytesMax = 4096;  // what a mutation may grow to; corpus files may be longer
constexpr unsigned long kMutationsDefault = 20000;

Input current;

void save_current_and_die(int signal_number) {
  const int fd = ::open("crash-input.bin", O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (fd >= 0) {
    [[maybe_unused]] const ssize_t written = ::write(fd, current.data(), current.size());
    ::close(fd);
  }
  constexpr char kText[] = "fuzz: the input that failed is in crash-input.bin\n";
  [[maybe_unused]] const ssize_t said = ::write(2, kText, sizeof kText - 1);
  ::signal(signal_number, SIG_DFL);
  ::raise(signal_number);
}

std::vector<Input> read_folder(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    if (entry.is_regular_file() && entry.path().extension() != ".py" && entry.path().extension() != ".md")
      paths.push_back(entry.path());
  std::sort(paths.begin(), paths.end());  // the same order everywhere, so that a seed repeats a run
  std::vector<Input> inputs;
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    inputs.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return inputs;
}

void run(const Input& input) {
  current = input;
  // A copy of exactly the input's size, so that sanitizers see the first octet beyond it.
  const Input exact(input);
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

Input mutate(const std::vector<Input>& corpus, std::mt19937_64& random) {
  const auto below = [&](std::size_t bound) { return static_cast<std::size_t>(random() % bound); };
  Input input = corpus[below(corpus.size())];
  for (std::size_t edits = 1 + below(4); edits > 0; --edits) {
    constexpr std::uint8_t kTelling[] = {0x00, 0x01, 0x29, 0x3f, 0x40, 0x7f, 0x80, 0xc0, 0xc0, 0xff};
    const std::size_t at = input.empty() ? 0 : below(input.size());
    switch (below(7)) {
      case 0:
        if (!input.empty()) input[at] ^= static_cast<std::uint8_t>(1u << below(8));
        break;
      case 1:
        if (!input.empty()) input[at] = kTelling[below(std::size(kTelling))];
        break;
      case 2:
        if (!input.empty()) input[at] = static_cast<std::uint8_t>(random());
        break;
      case 3: input.resize(at); break;
      case 4: input.insert(input.begin() + static_cast<std::ptrdiff_t>(at), static_cast<std::uint8_t>(random())); break;
      case 5: {  // a piece of another file in this one's place
        const Input& other = corpus[below(corpus.size())];
        if (other.empty()) break;
        const std::size_t from = below(other.size());
        const std::size_t count = 1 + below(std::min<std::size_t>(other.size() - from, 64));
        input.resize(std::max(input.size(), at + count));
        std::copy_n(other.begin() + static_cast<std::ptrdiff_t>(from), count,
                    input.begin() + static_cast<std::ptrdiff_t>(at));
        break;
      }
      default: {  // a piece of its own once more
        if (input.empty()) break;
        const std::size_t count = 1 + below(std::min<std::size_t>(input.size() - at, 64));
        const Input piece(input.begin() + static_cast<std::ptrdiff_t>(at),
                          input.begin() + static_cast<std::ptrdiff_t>(at + count));
        input.insert(input.end(), piece.begin(), piece.end());
      }
    }
    if (input.size() > kInputBytesMax) input.resize(kInputBytesMax);
  }
  return input;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: %s FOLDER [MUTATIONS [SEED]]\n", argv[0]);
    return 2;
  }
  const std::vector<Input> corpus = read_folder(argv[1]);
  if (corpus.empty()) {
    std::fprintf(stderr, "%s holds no corpus file: put at least one seed there\n", argv[1]);
    return 1;
  }
  const unsigned long mutations = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : kMutationsDefault;
  const std::uint64_t seed = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : std::random_device{}();
  std::printf("%zu corpus files, %lu mutations, seed %llu\n", corpus.size(), mutations,
              static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  for (const int signal_number : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) ::signal(signal_number, save_current_and_die);
  for (const Input& input : corpus) run(input);
  std::mt19937_64 random(seed);
  for (unsigned long i = 0; i < mutations; ++i) run(mutate(corpus, random));
  return 0;
}
