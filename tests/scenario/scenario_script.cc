#include "tests/scenario/scenario_script.h"

#include <fstream>
#include <sstream>
#include <stdexcept>

#include "dns/presentation.h"
#include "tests/scenario/scenario_step.h"

namespace rampart::test {
namespace {

void require(bool claim, const std::string& words) {
  if (!claim) throw std::runtime_error(words);
}

std::string to_milliseconds(std::chrono::nanoseconds time) {
  return std::to_string(std::chrono::duration_cast<std::chrono::milliseconds>(time).count()) + " ms";
}

Bytes lower_cased(Bytes wire) {
  for (std::size_t at = dns::kHeaderBytes; at < wire.size() && wire[at] != 0; ++at)
    if (wire[at] >= 'A' && wire[at] <= 'Z') wire[at] |= 0x20;
  return wire;
}

class Script {
 public:
  explicit Script(const std::string& path) : path_(path), in_(path) {
    if (!in_) throw std::runtime_error(path + ": cannot be read");
  }

  std::string run() {
    try {
      for (std::string line; next_line(line);) {
        auto words = split_words(line);
        if (words.empty()) continue;
        const std::string step = words.front();
        words.erase(words.begin());
        StepWords rest(std::move(words));
        do_step(step, rest);
        rest.done();
      }
      require(world_ != nullptr, "a scenario needs a `config`");
      for (const auto& [name, query] : queries_)
        require(examined_.count(name) != 0, "query " + name + " was never examined: say `answer` or `waiting`");
    } catch (const std::exception& failure) {
      return path_ + ":" + std::to_string(line_) + ": " + failure.what();
    }
    return {};
  }

 private:
  bool next_line(std::string& line) {
    ++line_;
    return static_cast<bool>(std::getline(in_, line));
  }

  void do_step(const std::string& step, StepWords& words) {
    if (step == "upstreams") return declare_upstreams(words);
    if (step == "config") return configure();
    require(world_ != nullptr, "`" + step + "` before `config`");
    if (step == "query") return ask(words);
    if (step == "queries") return ask_many(words);
    if (step == "answer") return expect_answer(words);
    if (step == "waiting") return expect_waiting(words);
    if (step == "pass") return world_->pass(read_duration(words.take("the time")));
    if (step == "counter") return expect_counter(words);
    const std::string name = words.take("the upstream");
    require(world_->has_upstream(name), "`" + name + "` is no upstream: see `upstreams`, or the step is unknown");
    do_upstream_step(step, name, words);
  }

  void do_upstream_step(const std::string& step, const std::string& name, StepWords& words) {
    ScriptedUpstream& upstream = world_->upstream(name);
    if (step == "receive") return receive(name, words);
    if (step == "nothing") {
      world_->settle();
      if (upstream.unread().empty()) return;
      throw std::runtime_error(name + " was asked for " + upstream.unread().front().name);
    }
    if (step == "ignore") return world_->settle(), upstream.unread().clear();
    if (step == "reply") return reply(name, words);
    if (step == "forge") return forge(name, words);
    if (step == "garbage") return send_garbage(name);
    if (step == "hang-up") return upstream.drop_connection(current(name));
    if (step == "always") return order(upstream, words);
    if (step == "by-hand") return upstream.set_order({});
    if (step == "gone") return upstream.close();
    if (step == "gone-tcp") return upstream.close_tcp();
    if (step == "back") return upstream.open();
    if (step == "forget") return upstream.forget_asked();
    if (step == "asked") {
      const Range range = read_range(words.take("how often"));
      world_->settle();
      return require(range.holds(static_cast<std::int64_t>(upstream.asked())),
                     name + " was asked " + std::to_string(upstream.asked()) + " times");
    }
    throw std::runtime_error("no step is called `" + step + "`");
  }

  void declare_upstreams(StepWords& words) {
    upstreams_.push_back(words.take("an upstream's name"));
    while (true) {
      try {
        upstreams_.push_back(words.take("one more"));
      } catch (const std::exception&) {
        return;
      }
    }
  }

  void configure() {
    std::string config, line;
    while (true) {
      require(next_line(line), "`config` without `end`");
      if (line == "end") break;
      config += line + "\n";
    }
    if (world_) return world_->reload(config);
    world_ = std::make_unique<ScenarioWorld>(config, upstreams_);
  }

  struct Question {
    std::string name;
    dns::RrType type{};
    QueryOptions options;
    std::string client = "192.0.2.10";
    resolver::Protocol protocol = resolver::Protocol::kUdp;
  };
  static Question read_question(StepWords& words) {
    Question question;
    question.name = words.take("the name");
    question.type = read_type(words.take("the type"));
    question.options.dnssec_ok = words.take_flag("do");
    question.options.edns = words.take_flag("edns") || question.options.dnssec_ok;
    if (words.take_flag("cd")) question.options.flags |= dns::kFlagCd;
    if (words.take_flag("tcp")) question.protocol = resolver::Protocol::kTcp;
    if (const auto from = words.take_value("from")) question.client = *from;
    return question;
  }
  std::shared_ptr<ClientQuery> put(const Question& question, const std::string& name) {
    return world_->ask(make_query(name, question.type, question.options), question.client, question.protocol);
  }

  void ask(StepWords& words) {
    const std::string label = words.take("the query's label");
    require(queries_.count(label) == 0, "there is a query " + label + " already");
    const Question question = read_question(words);
    questions_[label] = question.name;
    queries_[label] = put(question, question.name);
  }

  void ask_many(StepWords& words) {
    const auto count = read_range(words.take("how many")).low;
    const Question question = read_question(words);
    std::vector<std::shared_ptr<ClientQuery>> all;
    for (std::int64_t i = 0; i < count; ++i) {
      std::string name = question.name;
      if (const auto at = name.find('%'); at != std::string::npos) name.replace(at, 1, std::to_string(many_++));
      all.push_back(put(question, name));
      require(world_->wait_until([&] { return all.back()->is_done; }), "query for " + name + " is not answered");
    }
  }

  void expect_answer(StepWords& words) {
    const std::string label = words.take("the query's label");
    const auto it = queries_.find(label);
    require(it != queries_.end(), "there is no query " + label);
    examined_.insert(label);
    const ClientQuery& query = *it->second;
    require(world_->wait_until([&] { return query.is_done; }), "it is not answered");
    require(!query.response.empty(), "it was dropped");
    const Spoken said = speak(query.response);
    const std::string rcode = words.take("the RCODE");
    require(said.rcode == rcode, "RCODE is " + said.rcode);
    require(words.take_flag("tc") == said.tc, said.tc ? "TC is set" : "TC is not set");
    require(words.take_flag("ad") == said.ad, said.ad ? "AD is set" : "AD is not set");
    if (const auto why = words.take_value("why"))
      require(storage::to_text(query.reason) == *why, std::string("its reason is ").append(to_text(query.reason)));
    const auto ede = words.take_value("ede");
    require(ede.has_value() == said.ede.has_value() && (!ede || *ede == std::to_string(*said.ede)),
            said.ede ? "its extended error is " + std::to_string(*said.ede) : "it has no extended error");
    if (const auto took = words.take_value("took"))
      require(read_duration_range(*took).holds(query.took.count()), "it took " + to_milliseconds(query.took));
    std::vector<std::string> wanted;
    for (std::string record : words.take_records()) {
      if (record.find('=') >= record.find('/')) record = questions_[label] + "=" + record;
      wanted.push_back(std::move(record));
    }
    std::string found;
    for (const auto& record : said.records) found += " " + record;
    require(said.records == wanted, "its records are:" + (found.empty() ? " none" : found));
  }

  void expect_waiting(StepWords& words) {
    const std::string label = words.take("the query's label");
    require(queries_.count(label) != 0, "there is no query " + label);
    examined_.insert(label);
    world_->settle();
    require(!queries_[label]->is_done, "it has been answered, after " + to_milliseconds(queries_[label]->took));
  }

  void receive(const std::string& name, StepWords& words) {
    ScriptedUpstream& upstream = world_->upstream(name);
    require(world_->wait_until([&] { return !upstream.unread().empty(); }), name + " was not asked");
    current_[name] = std::move(upstream.unread().front());
    upstream.unread().pop_front();
    const UpstreamQuery& query = current_[name];
    const std::string wanted = words.take("the name");
    require(query.name == wanted, name + " was asked for " + query.name);
    const auto type = read_type(words.take("the type"));
    require(query.qtype == type, name + " was asked for type " + dns::to_text(query.qtype));
    if (words.take_flag("udp")) require(!query.over_tcp, "it came over TCP");
    if (words.take_flag("tcp")) require(query.over_tcp, "it came over UDP");
    if (words.take_flag("edns")) require(query.has_edns, "it has no OPT");
    if (words.take_flag("no-edns")) require(!query.has_edns, "it has an OPT");
    if (words.take_flag("mixed")) require(query.has_upper_case, "its name is all lower case");
    if (words.take_flag("lower")) require(!query.has_upper_case, "its name has mixed case");
  }

  const UpstreamQuery& current(const std::string& name) {
    const auto it = current_.find(name);
    require(it != current_.end(), "nothing was received by " + name);
    return it->second;
  }

  static Bytes make_answer(const UpstreamQuery& query, dns::Rcode rcode, const Records& records, bool tc,
                           bool lower) {
    Bytes wire = make_response(query.wire, rcode, records.answers, records.authority, tc ? dns::kFlagTc : 0);
    return lower ? lower_cased(std::move(wire)) : wire;
  }

  static std::chrono::milliseconds read_after(StepWords& words) {
    const auto after = words.take_value("after");
    return std::chrono::duration_cast<std::chrono::milliseconds>(read_duration(after.value_or("0ms")));
  }

  void reply(const std::string& name, StepWords& words) {
    const dns::Rcode rcode = read_rcode(words.take("the RCODE"));
    const bool tc = words.take_flag("tc"), lower = words.take_flag("lower");
    const auto after = read_after(words);
    const Records records = read_records(words.take_records());
    world_->upstream(name).send(current(name), make_answer(current(name), rcode, records, tc, lower), after);
    world_->settle();
  }

  void forge(const std::string& name, StepWords& words) {
    const std::string what = words.take("what is forged");
    const Records records = read_records(words.take_records());
    Bytes wire = make_answer(current(name), dns::Rcode::kNoError, records, false, false);
    if (what == "id") wire[0] ^= 0x55;
    if (what == "question") wire[dns::kHeaderBytes + 1] ^= 0x01;
    if (what == "source")
      world_->upstream(name).send_from_elsewhere(current(name), wire);
    else if (what == "id" || what == "question")
      world_->upstream(name).send(current(name), wire);
    else
      throw std::runtime_error("`" + what + "` is none of id, question, source");
    world_->settle();
  }

  void send_garbage(const std::string& name) {
    Bytes wire = make_answer(current(name), dns::Rcode::kNoError, {}, false, false);
    base::store_u16(wire.data() + 6, 9);  // records that are not there
    world_->upstream(name).send(current(name), std::move(wire));
    world_->settle();
  }

  void order(ScriptedUpstream& upstream, StepWords& words) {
    const std::string what = words.take("what it always does");
    if (what == "silent") return upstream.set_order([](const UpstreamQuery&) { return std::nullopt; });
    const bool refuses_edns = what == "FORMERR-to-edns";
    const dns::Rcode rcode = refuses_edns ? dns::Rcode::kNoError : read_rcode(what);
    const bool lower = words.take_flag("lower");
    const auto after = read_after(words);
    const Records records = read_records(words.take_records());
    upstream.set_order([=](const UpstreamQuery& query) {
      const bool refused = refuses_edns && query.has_edns;
      return std::optional(std::pair(refused ? make_answer(query, dns::Rcode::kFormErr, {}, false, lower)
                                             : make_answer(query, rcode, records, false, lower),
                                     after));
    });
  }

  void expect_counter(StepWords& words) {
    const std::string name = words.take("the counter");
    const Range range = read_range(words.take("its value"));
    const auto holds = [&] { return range.holds(static_cast<std::int64_t>(world_->counter(name))); };
    require(world_->wait_until(holds), name + " is " + std::to_string(world_->counter(name)));
  }

  const std::string path_;
  std::ifstream in_;
  std::size_t line_ = 0;
  std::vector<std::string> upstreams_;
  std::unique_ptr<ScenarioWorld> world_;
  std::map<std::string, std::shared_ptr<ClientQuery>> queries_;
  std::map<std::string, std::string> questions_;
  std::set<std::string> examined_;
  std::map<std::string, UpstreamQuery> current_;
  std::int64_t many_ = 0;
};

}  // namespace

std::string run_scenario(const std::string& path) { return Script(path).run(); }

}  // namespace rampart::test
