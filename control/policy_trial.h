// A configuration tried without a server: its lists are read, its policy is built by the builder that the server
// uses, and questions go through the same Pipeline::answer(). What an upstream would say is not asked.
#pragma once

#include <ctime>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "control/answer_report.h"
#include "control/config.h"
#include "control/list_texts.h"
#include "control/policy_builder.h"
#include "resolver/pipeline.h"

namespace rampart::control {

/// Not thread-safe.
class PolicyTrial {
 public:
  /// The error says which limit the lists exceed. Lists that cannot be read are in `list_errors()`.
  [[nodiscard]] static base::Result<std::unique_ptr<PolicyTrial>,
      std::string> create(Config config, DownloadMode mode,
                                                                                      Progress& progress);

  /// An address that stands for the client: `text` itself if it is one, that of the name in clientLookup.clients,
  /// or one that is given the name, as if a reverse lookup had found it.
  [[nodiscard]] base::IpAddress client(const std::string& text);
  /// An address whose client is in exactly these list groups.
  [[nodiscard]] base::Result<base::IpAddress, std::string> client_of_groups(const std::vector<std::string>& groups);

  /// Decided at this moment of the local clock. The rules have no lines yet. Fails if the name is none.
  [[nodiscard]] base::Result<AnswerReport, std::string> decide(const QueryCommand& question, const std::tm& at);
  /// Fills in places and lines.
  void locate(std::vector<DecidingRule>& rules) const;

  /// One moment of the week for each set of groups that the schedules put in force.
  [[nodiscard]] const std::vector<std::tm>& distinct_moments();

  [[nodiscard]] const Config& config() const noexcept { return config_; }
  [[nodiscard]] const std::vector<ListEntry>& entries() const noexcept { return entries_; }
  [[nodiscard]] const ListTexts& texts() const noexcept { return *texts_; }
  [[nodiscard]] const blocklists::FilterSet& filter() const noexcept { return *filter_; }
  [[nodiscard]] const std::vector<std::string>& list_errors() const noexcept { return list_errors_; }

 private:
  explicit PolicyTrial(Config config) : config_(std::move(config)), entries_(list_entries(config_.blocking)) {}
  void adopt();
  const resolver::PolicySnapshot& policy_at(const std::tm& at);
  [[nodiscard]] base::IpAddress next_address();

  Config config_;
  const std::vector<ListEntry> entries_;
  std::unique_ptr<ListTexts> texts_;
  std::shared_ptr<const blocklists::FilterSet> filter_;
  std::vector<std::string> list_errors_;
  PolicyBuilder policies_;
  const BlockingSwitch blocking_;  ///< on
  std::map<blocklists::GroupMask, std::shared_ptr<const resolver::PolicySnapshot>> policies_by_groups_;
  std::map<std::string, base::IpAddress> named_clients_;
  std::map<std::vector<std::string>, base::IpAddress> group_clients_;
  std::vector<std::tm> distinct_moments_;
  std::uint32_t addresses_used_ = 0;
  std::unique_ptr<resolver::Cache> cache_;  ///< always empty: only complete() stores
  resolver::WorkerCounters counters_;
  std::unique_ptr<resolver::Pipeline> pipeline_;
};

}  // namespace rampart::control
