#include "control/list_slots.h"

#include <gtest/gtest.h>

#include "tests/support/pipeline_world.h"

namespace rampart::control {
namespace {

using blocklists::Action;

std::uint16_t source_of(const blocklists::FilterSet& filter, const std::string& group, Action action) {
  for (std::size_t i = 0; i < filter.sources().size(); ++i) {
    const auto& source = filter.sources()[i];
    if (filter.groups()[source.group] == group && source.action == action) return static_cast<std::uint16_t>(i);
  }
  ADD_FAILURE() << group;
  return 0;
}

TEST(ListSlots, AListKeepsItsSlotWhereverAReloadHasIt) {
  ListSlotTable table;
  const auto before = test::build_filter({{"ads", Action::kDeny, "a.example\n"}, {"ads", Action::kAllow, "b.example\n"}});
  const auto first = table.deal(*before);
  const auto deny = first.of(source_of(*before, "ads", Action::kDeny));
  const auto allow = first.of(source_of(*before, "ads", Action::kAllow));
  EXPECT_NE(deny, allow);
  const auto after = test::build_filter({{"aaa", Action::kDeny, "c.example\n"}, {"ads", Action::kDeny, "a.example\n"}});
  const auto second = table.deal(*after);
  EXPECT_EQ(second.of(source_of(*after, "ads", Action::kDeny)), deny);
  EXPECT_NE(second.of(source_of(*after, "aaa", Action::kDeny)), allow) << "a list that is gone keeps its slot";
  EXPECT_EQ(table.slots().size(), 3u);
}

TEST(ListSlots, BeyondTheBoundListsShareTheLastSlot) {
  ListSlotTable table;
  std::vector<test::ListText> lists;
  for (std::size_t round = 0; round <= resolver::kListSlots / 50; ++round) {
    lists.clear();
    for (int i = 0; i < 50; ++i)
      lists.push_back({"g" + std::to_string(round) + "x" + std::to_string(i), Action::kDeny, "a.example\n"});
    static_cast<void>(table.deal(*test::build_filter(lists)));
  }
  EXPECT_EQ(table.slots().size(), resolver::kOtherLists);
  const auto filter = test::build_filter({{"late", Action::kDeny, "a.example\n"}});
  EXPECT_EQ(table.deal(*filter).of(0), resolver::kOtherLists);
  EXPECT_EQ(resolver::ListSlots().of(7), resolver::kOtherLists) << "a source without a slot";
}

}  // namespace
}  // namespace rampart::control
