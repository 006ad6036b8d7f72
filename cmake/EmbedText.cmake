# Turns a text file into a C++ source with one constant: cmake -DINPUT=... -DOUTPUT=... -DNAMESPACE=... -DNAME=... -P this
# The file is compiled in, so that the binary serves it without looking for it at run time.
file(READ "${INPUT}" text)
file(WRITE "${OUTPUT}.new"
"#include <string_view>
namespace ${NAMESPACE} {
extern const std::string_view ${NAME};
const std::string_view ${NAME} = R\"__EMBEDDED__(${text})__EMBEDDED__\";
}
")
file(RENAME "${OUTPUT}.new" "${OUTPUT}")
