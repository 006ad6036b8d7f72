#include "tests/support/postgres_server.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <set>
#include <stdexcept>
#include <thread>
#include <vector>

#include "tests/support/loopback.h"

namespace rampart::test_support {
namespace {

constexpr std::chrono::seconds kStartTime{20};

/// Starts a program as the server's user; its output goes to `log`.
pid_t spawn(const std::vector<std::string>& words, const std::string& log, bool dies_with_us) {
  const passwd* user = geteuid() == 0 ? getpwnam("postgres") : nullptr;
  if (geteuid() == 0 && user == nullptr) throw std::runtime_error("there is no user postgres to run the server as");
  const pid_t parent = getpid();
  const pid_t child = fork();
  if (child != 0) return child;
  const int fd = open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0666);
  dup2(fd, 1);
  dup2(fd, 2);
  if (user != nullptr && (setgid(user->pw_gid) != 0 || setuid(user->pw_uid) != 0)) _exit(126);
  if (dies_with_us) {
    prctl(PR_SET_PDEATHSIG, SIGQUIT);  // after setuid, which clears it
    if (getppid() != parent) _exit(1);
  }
  if (chdir("/") != 0) _exit(126);
  std::vector<char*> arguments;
  for (const auto& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  execv(arguments[0], arguments.data());
  _exit(127);
}

std::string text_of(const std::string& path) {
  std::ifstream file(path);
  try {
    return {std::istreambuf_iterator<char>(file), {}};
  } catch (const std::ios_base::failure&) {
    return {};  // the process behind a file of /proc has ended since it was opened
  }
}

std::set<pid_t> children_of(pid_t parent) {
  std::set<pid_t> found;
  DIR* proc = opendir("/proc");
  while (const dirent* entry = readdir(proc)) {
    const pid_t pid = std::atoi(entry->d_name);
    if (pid <= 0) continue;
    const std::string stat = text_of("/proc/" + std::to_string(pid) + "/stat");
    const std::size_t name_end = stat.rfind(") ");
    if (name_end != std::string::npos && std::atoi(stat.c_str() + name_end + 4) == parent) found.insert(pid);
  }
  closedir(proc);
  return found;
}

}  // namespace

std::string PostgresServer::binaries() {
  for (const char* version : {"17", "16", "15", "14"}) {
    const std::string path = std::string("/usr/lib/postgresql/") + version + "/bin";
    if (std::filesystem::exists(path + "/initdb")) return path;
  }
  return "";
}

void PostgresServer::make_directory() {
  char name[] = "/tmp/rampart-pg-XXXXXX";
  directory_ = mkdtemp(name);
  if (geteuid() != 0) return;
  if (const passwd* user = getpwnam("postgres"))
    if (chown(directory_.c_str(), user->pw_uid, user->pw_gid) != 0) throw std::runtime_error("chown " + directory_);
}

void PostgresServer::run_to_end(std::vector<std::string> words) const {
  const std::string log = directory_ + "/setup.log", program = words[0];
  words[0] = binaries() + "/" + program;
  int status = 0;
  waitpid(spawn(words, log, true), &status, 0);
  if (status != 0) throw std::runtime_error(program + " failed: " + text_of(log));
}

PostgresServer::PostgresServer() : port_(free_port()) {
  make_directory();
  run_to_end({"initdb", "-D", directory_ + "/data", "-U", "postgres", "--auth=trust", "--encoding=UTF8",
              "--locale=C", "--no-sync"});
  start();
  create_database();
}

PostgresServer::PostgresServer(StandbyOf of) : port_(free_port()) {
  make_directory();
  run_to_end({"pg_basebackup", "-D", directory_ + "/data", "-d", of.primary.target("postgres"),
              "--write-recovery-conf", "--checkpoint=fast", "--no-sync"});
  start();
}

PostgresServer::~PostgresServer() {
  kill();
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

void PostgresServer::start() {
  if (pid_ > 0) return;
  const auto give_up = std::chrono::steady_clock::now() + kStartTime;
  const std::string log = directory_ + "/server.log";
  while (std::chrono::steady_clock::now() < give_up) {
    pid_ = spawn({binaries() + "/postgres", "-D", directory_ + "/data", "-p", std::to_string(port_), "-c",
                  "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=" + directory_, "-c", "fsync=off",
                  "-c", "shared_buffers=64MB", "-c", "max_connections=20", "-c", "autovacuum=off"}, log, true);
    while (waitpid(pid_, nullptr, WNOHANG) == 0) {
      try {
        query("SELECT 1", "postgres");
        return;
      } catch (const std::runtime_error&) {
        if (std::chrono::steady_clock::now() >= give_up) break;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
      }
    }
    // A killed server's orphans hold its shared memory for a moment; then it ends at once, and is tried again.
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  pid_ = 0;
  throw std::runtime_error("PostgreSQL does not start: " + text_of(log));
}

void PostgresServer::stop() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGINT);
  waitpid(pid_, nullptr, 0);
  pid_ = 0;
}

void PostgresServer::signal_all(int signal) const {
  if (pid_ <= 0) return;
  // The postmaster first, so that it starts no new ones (SIGSTOP) and cleans up none (SIGKILL).
  const std::set<pid_t> children = children_of(pid_);
  ::kill(pid_, signal);
  for (const pid_t child : children) ::kill(child, signal);
}

void PostgresServer::kill() {
  if (pid_ <= 0) return;
  signal_all(SIGKILL);
  waitpid(pid_, nullptr, 0);
  pid_ = 0;
}

void PostgresServer::pause() { signal_all(SIGSTOP); }
void PostgresServer::resume() { signal_all(SIGCONT); }

std::string PostgresServer::target(const std::string& database) const {
  return "postgres://postgres@127.0.0.1:" + std::to_string(port_) + "/" + database;
}

std::string PostgresServer::query(const std::string& sql, const std::string& database) const {
  // Over the unix socket, where set_access() always leaves a way in.
  const std::string words = "host=" + directory_ + " port=" + std::to_string(port_) + " user=postgres dbname=" + database;
  PGconn* connection = PQconnectdb(words.c_str());
  std::string value, error;
  if (PQstatus(connection) != CONNECTION_OK) {
    error = PQerrorMessage(connection);
  } else {
    PQsetNoticeReceiver(connection, [](void*, const PGresult*) {}, nullptr);
    PGresult* result = PQexec(connection, sql.c_str());
    const ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_TUPLES_OK && PQntuples(result) > 0) value = PQgetvalue(result, 0, 0);
    else if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) error = PQerrorMessage(connection);
    PQclear(result);
  }
  PQfinish(connection);
  if (!error.empty()) throw std::runtime_error(error);
  return value;
}

void PostgresServer::create_database(const std::string& name) const { query("CREATE DATABASE " + name, "postgres"); }

void PostgresServer::set_access(const std::string& lines) const {
  std::ofstream(directory_ + "/data/pg_hba.conf") << "local all all trust\n" << lines << "\n";
  query("SELECT pg_reload_conf()", "postgres");
}

}  // namespace rampart::test_support
