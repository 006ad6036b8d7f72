#include "base/snapshot.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>

namespace rampart::base {
namespace {

// Says on which thread it was destroyed.
struct Tracked {
  explicit Tracked(std::thread::id& place) : destroyed_on(place) {}
  ~Tracked() { destroyed_on = std::this_thread::get_id(); }
  std::thread::id& destroyed_on;
};

TEST(Published, ReaderSeesEachPublicationOnce) {
  Published<int> published;
  Published<int>::Reader reader(published);
  EXPECT_FALSE(reader.refresh());
  published.publish(std::make_shared<int>(1));
  EXPECT_TRUE(reader.refresh());
  EXPECT_EQ(*reader.held(), 1);
  EXPECT_FALSE(reader.refresh());
}

TEST(Published, ReadersNeverDestroyWhatTheyLetGo) {
  std::thread::id destroyed_on;
  Published<Tracked> published;
  std::thread::id of_the_next;
  published.publish(std::make_shared<Tracked>(destroyed_on));
  Published<Tracked>::Reader reader(published);
  reader.refresh();
  published.publish(std::make_shared<Tracked>(of_the_next));
  EXPECT_TRUE(published.take_unused().empty()) << "the reader still holds it";
  std::thread([&reader] { reader.refresh(); }).join();
  EXPECT_EQ(destroyed_on, std::thread::id());
  EXPECT_EQ(published.retired(), 1u);
  EXPECT_EQ(published.take_unused().size(), 1u);
  EXPECT_EQ(destroyed_on, std::this_thread::get_id());
  EXPECT_EQ(published.retired(), 0u);
  EXPECT_EQ(of_the_next, std::thread::id());
}

}  // namespace
}  // namespace rampart::base
