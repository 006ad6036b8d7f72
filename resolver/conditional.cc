#include "resolver/conditional.h"

#include "resolver/query_context.h"

namespace rampart::resolver {

Conditional::Conditional(const base::HashKey& key, const ConditionalOptions& options)
    : domains_(key), single_label_group_(options.single_label_group), rewriter_(key, options.rewrite),
      fallback_upstream_(options.fallback_upstream) {
  for (const auto& [domain, group] : options.domains)
    if (domains_.add(domain.view()) == groups_.size()) groups_.push_back(group);
}

std::optional<std::uint16_t> Conditional::group_of(const dns::FoldedName& name,
                                                   const blocklists::NameHashes& hashes) const noexcept {
  if (name.label_count <= 1) return single_label_group_;
  const auto hit = domains_.find_longest(name, hashes);
  if (!hit) return std::nullopt;
  return groups_[hit.id];
}

const dns::FoldedName& name_for_upstreams(const QueryContext& context, const PolicySnapshot& policy,
                                          dns::FoldedName& room) noexcept {
  if (!policy.conditional || context.is_original_only) return context.name;
  return policy.conditional->rewriter().rewrite(context.name, context.hashes, room) ? room : context.name;
}

}  // namespace rampart::resolver
