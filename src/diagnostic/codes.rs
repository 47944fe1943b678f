//! Every diagnostic code with its one-line meaning; the reference page is generated from [`ALL`].

macro_rules! codes {
    ($($name:ident = $code:literal, $meaning:literal;)*) => {
        $(#[doc = $meaning] pub const $name: &str = $code;)*
        /// Code and meaning of every diagnostic.
        pub const ALL: &[(&str, &str)] = &[$(($code, $meaning)),*];
    };
}

codes! {
    // 1xx: the file itself
    YAML_SYNTAX = "TL101", "The file is not well-formed YAML.";
    YAML_UNKNOWN_KEY = "TL102", "A key that this kind of file does not have.";
    YAML_DUPLICATE_KEY = "TL103", "A key stands twice in one map.";
    YAML_WRONG_TYPE = "TL104", "A value has the wrong type.";
    YAML_MISSING_KEY = "TL105", "A required key is missing.";
    FILE_UNREADABLE = "TL106", "A file cannot be read, or is not UTF-8.";
    FILE_NAME = "TL107", "A file's name or place does not make a valid name.";
    VALUE_INVALID = "TL108", "A value is of the right type but not valid (a duration, size, name, URI, …).";
    // 2xx: contracts
    CONTRACT_UNKNOWN = "TL201", "No contract of this name.";
    CONTRACT_ROOT = "TL202", "The contract has no such root element or pointer.";
    CONTRACT_SYNTAX = "TL203", "A schema file is not well-formed JSON or XML.";
    CONTRACT_INVALID = "TL204", "A schema is not valid against its own specification.";
    CONTRACT_REFERENCE = "TL205", "A reference (`$ref`, `schemaLocation`) does not resolve inside `schemas/`.";
    CONTRACT_KEYWORD = "TL206", "A keyword that JSON Schema does not know, most likely misspelt.";
    CONTRACT_AMBIGUOUS = "TL207", "A contract name fits more than one file.";
    CONTRACT_UNSUPPORTED = "TL208", "A schema uses a construct that cannot be converted exactly.";
    // 3xx: mappings
    MAPPING_SYNTAX = "TL301", "A jq program has a syntax error.";
    MAPPING_UNKNOWN = "TL302", "A jq program uses an unknown function or variable.";
    MAPPING_REFUSED = "TL303", "A jq program uses something outside the total part of jq.";
    MAPPING_REGEX = "TL304", "A regular expression is not valid, or not a constant.";
    MAPPING_TABLE = "TL305", "A mapping uses a table that the transform does not have.";
    TRANSFORM_UNKNOWN = "TL306", "No transform of this name.";
    MAPPING_PATH = "TL307", "A mapping reads what no document of its contract has.";
    MAPPING_KEY = "TL308", "A mapping makes a member that its target contract does not know.";
    MAPPING_REQUIRED = "TL309", "A mapping leaves out what its target contract requires.";
    MAPPING_TYPE = "TL310", "A mapping makes, or works with, a value whose type or text never fits; or a condition never holds.";
    MAPPING_UNSURE = "TL311", "What a mapping makes may not fit; told by `check --strict` only.";
    // 4xx: routes
    STEP_UNKNOWN = "TL401", "A step that Trunkline does not have.";
    STEP_SHAPE = "TL402", "A step is one pattern's name with its settings, and optionally an `id`; nothing else.";
    STEP_ID_DUPLICATE = "TL403", "Two steps of a route have the same id.";
    STEP_UNREACHABLE = "TL404", "A step that no message can reach.";
    CONTRACT_MISMATCH = "TL405", "A step expects another contract than the one that reaches it.";
    REPLY_MISPLACED = "TL406", "The reply does not fit the route.";
    ROUTE_EMPTY = "TL407", "A route does nothing with its messages.";
    ROUTE_SOURCE_SHARED = "TL408", "Two routes take from one queue.";
    ENDPOINT_UNKNOWN = "TL409", "An endpoint that Trunkline does not have.";
    UNUSED = "TL410", "Something that nobody uses.";
    STORE_MISSING = "TL411", "A step needs the store, and the settings have none.";
    TEST_ROUTE = "TL412", "A test file without its route.";
    TEST_PARTICIPANT = "TL413", "A test names a step or participant that its route does not have, or that cannot do so.";
    STEPS_UNKNOWN = "TL414", "No file of steps has this name.";
    // 5xx: settings
    SECRET_UNRESOLVED = "TL501", "A secret cannot be resolved.";
    SETTING_INVALID = "TL502", "A setting is not valid.";
    PROJECT_EMPTY = "TL503", "The folder holds no routes.";
}
