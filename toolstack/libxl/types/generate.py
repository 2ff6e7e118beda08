#!/usr/bin/python3
"""generate.py FOLDER NOTES: the tables of libxl's types, as C on standard output.

FOLDER/_libxl_types.h, which libxen-dev installs, is the only description of the types. It is itself
generated, so it can be read line by line. Each type becomes a `struct type` (types.h), which the
files of this folder walk, and each function that the header declares becomes a call of such a walk.
NOTES (notes.txt) says what the header cannot.
"""
import re
import sys
from fnmatch import fnmatchcase

# Types that the header does not describe: name in C -> the table in this folder's files.
BUILTIN = {
    "bool": "bool", "int": "int", "libxl_devid": "int", "uint8_t": "uint8", "uint16_t": "uint16",
    "uint32_t": "uint32", "libxl_domid": "uint32", "uint64_t": "uint64", "char *": "string",
    "libxl_defbool": "defbool", "libxl_uuid": "uuid", "libxl_mac": "mac",
    "libxl_bitmap": "bitmap", "libxl_string_list": "string_list",
    "libxl_key_value_list": "key_value_list", "libxl_hwcap": "hwcap",
    "libxl_ms_vm_genid": "ms_vm_genid", "libxl_cpuid_policy_list": "cpuid_policy_list",
}


class Notes:
    """notes.txt: rows of a pattern (a member's path, or its type) and a value or `private`."""

    def __init__(self, path):
        self.rows = []
        self.used = set()
        for number, line in enumerate(open(path), 1):
            words = line.split("#")[0].split(None, 1)
            if words:
                self.rows.append((words[0], words[1].strip(), f"{path}:{number}"))

    def of(self, path, ctype):
        """The value of the first row that is about this member, or None."""
        for pattern, value, where in self.rows:
            if fnmatchcase(path, pattern) or pattern == ctype:
                self.used.add(where)
                return value
        return None

    def check(self):
        for pattern, _, where in self.rows:
            if where not in self.used:
                sys.exit(f"{where}: the header has no member for '{pattern}'")


def parse_members(lines):
    """Read to the closing brace: the list of (type, name), and the name behind the brace. A type
    is a C type or, for a struct or union written in place, a list of members."""
    members = []
    for line in lines:
        if m := re.match(r"\s*\} ?(\w+);", line):
            return members, m[1]
        if re.match(r"\s*(struct|union) \{", line):
            members.append(parse_members(lines))
        else:
            m = re.match(r"\s*(.*?) ?(\w+);", line)
            members.append((m[1], m[2]))
    sys.exit("a struct of the header has no end")


def parse(lines):
    """The header's enums {name: constants}, structs {name: members}, and function declarations."""
    enums, structs, functions = {}, {}, []
    for line in lines:
        if m := re.match(r"typedef enum (\w+) \{", line):
            constants = enums.setdefault(m[1], [])
            for line in lines:
                if line.startswith("}"):
                    break
                constants.append(line.split()[0])
        elif line.startswith("typedef struct"):
            members, name = parse_members(lines)
            structs[name] = members
        elif re.match(r"[\w ]+\**\w+\(", line):
            functions.append(line.strip().rstrip(";"))
    return enums, structs, functions


def constant_string(enum, constant):
    prefix = "ERROR_" if enum == "libxl_error" else enum.upper() + "_"
    return constant.removeprefix(prefix).lower()


def is_array(kind):
    return isinstance(kind, str) and kind.endswith(" *") and not kind.endswith("char *")


def table_of(ctype):
    return "type_" + BUILTIN.get(ctype, ctype)


def write_enum(name, constants):
    print(f"libxl_enum_string_table {name}_string_table[] = {{")
    for c in constants:
        print(f'    {{ "{constant_string(name, c)}", {c} }},')
    print("    { NULL, -1 },\n};")
    print(f'static const struct type type_{name} = {{\n    .name = "{name}",\n'
          f"    .size = sizeof({name}),\n    .ops = &enum_ops,\n"
          f"    .strings = {name}_string_table,\n}};\n")


def write_struct(name, ctype, members, notes):
    """The table of a struct, after those of structs written inside it. `name` is its C name, or
    the path to it when it has none; `ctype` is something that C accepts as its type."""
    ident = name.replace(".", "_")
    rows, previous = [], None
    for (kind, member), (next_kind, next_member) in zip(members, members[1:] + [(None, None)]):
        count, previous = previous, member
        if is_array(next_kind) or member == "u":
            continue  # stands in the row of the array, or of the key before the union
        note = notes.of(f"{name}.{member}", kind)
        if note == "private":
            continue
        row = f'.name = "{member}", .offset = offsetof({ctype}, {member})'
        if not isinstance(kind, str):
            write_struct(f"{name}.{member}", f"typeof((({ctype} *)0)->{member})", kind, notes)
            row += f", .type = &type_{ident}_{member}"
        elif is_array(kind):
            row += f", .type = &{table_of(kind[:-2])}, .role = FIELD_ARRAY"
            row += f", .count = offsetof({ctype}, {count})"
        else:
            row += f", .type = &{table_of(kind)}"
        if next_member == "u":
            write_cases(f"{name}.u", ctype, next_kind, f"{kind.upper()}_", notes)
            row += f", .role = FIELD_KEY, .cases = {ident}_u"
        if note:
            row += f", .initial = (int64_t)({note})"
        rows.append(f"    {{ {row} }},")
    print(f"static const struct field {ident}_fields[] = {{", *rows, "    { .name = NULL },\n};",
          sep="\n")
    print(f'static const struct type type_{ident} = {{\n    .name = "{name}",\n'
          f"    .size = sizeof({ctype}),\n    .ops = &struct_ops,\n"
          f"    .fields = {ident}_fields,\n}};\n")


def write_cases(name, ctype, members, prefix, notes):
    """The members of a union: each is a struct, named as the key's value for which it is used."""
    ident = name.replace(".", "_")
    for kind, member in members:
        write_struct(f"{name}.{member}", f"typeof((({ctype} *)0)->u.{member})", kind, notes)
    print(f"static const struct field {ident}[] = {{")
    for _, member in members:
        print(f'    {{ .name = "{member}", .offset = offsetof({ctype}, u.{member}),'
              f" .type = &type_{ident}_{member}, .initial = {prefix}{member.upper()} }},")
    print("    { .name = NULL },\n};")


def write_function(declaration, enums):
    """One of the functions that the header declares for a type."""
    m = re.match(r".*?(libxl_\w+?)_(init|dispose|copy|gen_json|to_json|from_json|to_string"
                 r"|from_string|init_(\w+))\(", declaration)
    if not m:
        return
    t, what, key = m[1], m[2], m[3]
    ref = "&" if t in enums else ""
    body = {
        "init": f"type_init(&type_{t}, p);",
        "dispose": f"type_dispose(&type_{t}, p);",
        "copy": f"(void)ctx;\n    type_copy(&type_{t}, dst, src);",
        "gen_json": f"return type_gen_json(&type_{t}, hand, p);",
        "to_json": f"return type_to_json(ctx, &type_{t}, {ref}p);",
        "from_json": f"return type_from_json(ctx, &type_{t}, p, s);",
        "to_string": f"return enum_name(&type_{t}, p);",
        "from_string": f"return enum_value(&type_{t}, s, e);",
    }.get(what) or f"type_init_key(&type_{t}, p, {key});"
    print(f"{declaration}\n{{\n    {body}\n}}\n")


def write_list_free(header):
    """The functions of libxl.h that free a list from another of its functions."""
    pattern = r"void (libxl_\w+_list_free)\((libxl_\w+) ?\*.*?((?:unsigned )?int)"
    for function, t, n in re.findall(pattern, header):
        print(f"void {function}({t} *list, {n} n)\n{{\n"
              f"    type_list_free(&type_{t}, list, (int)n);\n}}\n")


def main():
    folder, notes_file = sys.argv[1:]
    notes = Notes(notes_file)
    enums, structs, functions = parse(open(f"{folder}/_libxl_types.h"))
    functions += parse(open(f"{folder}/_libxl_types_json.h"))[2]
    print("/* Made by toolstack/libxl/types/generate.py */")
    print('#include "libxl/types/types.h"\n')
    for name, constants in enums.items():
        write_enum(name, constants)
    for name, members in structs.items():
        write_struct(name, name, members, notes)
    notes.check()
    for declaration in functions:
        write_function(declaration, enums)
    write_list_free(open(f"{folder}/libxl.h").read())
    print("const struct type *const all_types[] = {")
    for name in [*enums, *structs]:
        print(f"    &type_{name},")
    print("    NULL,\n};")


main()
