//! The catalogue of codes: one line per situation, each with its manual page.

use super::Severity;

/// Declares [`Code`]: name, number, severity.
macro_rules! catalogue {
    ($($(#[$doc:meta])* $name:ident = $text:literal $severity:ident;)*) => {
        /// What a diagnostic is about. The number is stable and never used again.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code {
            $($(#[$doc])* $name,)*
        }

        impl Code {
            /// Every code, by number.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// `CS0101`
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// The code that is written so; letter case counts for nothing.
            pub fn named(text: &str) -> Option<Self> {
                Self::ALL
                    .iter()
                    .copied()
                    .find(|code| code.as_str().eq_ignore_ascii_case(text))
            }

            /// What its page is about: the title behind the code.
            pub fn title(self) -> &'static str {
                let first = self.page().lines().next().unwrap_or_default();
                first.split_once(": ").map_or("", |(_, title)| title)
            }

            /// How bad it is, unless a project says otherwise of a lint.
            pub fn severity(self) -> Severity {
                match self {
                    $(Self::$name => Severity::$severity,)*
                }
            }

            /// Its manual page, in Markdown: meaning, a bad example, a good one.
            pub fn page(self) -> &'static str {
                match self {
                    $(Self::$name => include_str!(concat!("pages/", $text, ".md")),)*
                }
            }
        }
    };
}

catalogue! {
    /// A character that no token starts with.
    InvalidCharacter = "CS0001" Error;
    /// A control or bidirectional formatting character, wherever it stands.
    ControlCharacter = "CS0002" Error;
    /// A character that nobody sees, outside strings and comments.
    InvisibleCharacter = "CS0003" Error;
    /// A string without its closing quote.
    UnterminatedString = "CS0004" Error;
    /// A block comment without its end.
    UnterminatedComment = "CS0005" Error;
    /// A raw string without its closing quote.
    UnterminatedRawString = "CS0006" Error;
    /// An escape that strings do not know.
    BadEscape = "CS0007" Error;
    /// A number that starts with a needless zero.
    LeadingZero = "CS0008" Error;
    /// A number beyond every type.
    NumberTooLarge = "CS0009" Error;
    /// A number with letters behind it that name no unit.
    UnknownUnit = "CS0010" Error;
    /// Digits that make no number.
    MalformedNumber = "CS0011" Error;
    /// `{` without `}`.
    UnclosedBrace = "CS0012" Error;
    /// `}` without `{`.
    UnmatchedBrace = "CS0013" Error;
    /// `(`, `[` or `<` that its statement does not close.
    UnclosedBracket = "CS0014" Error;
    /// A statement without its `;`.
    MissingSemicolon = "CS0015" Error;
    /// A `;` that ends nothing.
    StraySemicolon = "CS0016" Lint;
    /// Something that cannot stand where it stands.
    UnexpectedToken = "CS0017" Error;
    /// A word that is nearly a keyword, where a keyword must stand.
    MisspeltKeyword = "CS0018" Error;
    /// A keyword of another interface language.
    ForeignKeyword = "CS0019" Error;
    /// A field written in the order of another interface language.
    ForeignField = "CS0020" Error;
    /// Brackets or comments inside one another beyond the limit.
    NestingTooDeep = "CS0021" Error;
    /// The limit of errors per file.
    TooManyErrors = "CS0022" Error;
    /// A file that says no package.
    MissingPackage = "CS0023" Error;
    /// A file that says no edition.
    MissingEdition = "CS0024" Lint;
    /// An edition that this compiler does not know.
    UnknownEdition = "CS0025" Error;
    /// Edition, package, imports, declarations in another order.
    WrongOrder = "CS0026" Error;
    /// A second edition or package.
    RepeatedHead = "CS0027" Error;
    /// Documentation that belongs to nothing.
    UnattachedDocs = "CS0028" Lint;
    /// A field or enum value without its number.
    MissingNumber = "CS0029" Error;
    /// An error without its status code.
    MissingStatusCode = "CS0030" Error;
    /// An annotation on the wrong side of what it annotates.
    MisplacedAnnotation = "CS0031" Error;
    /// A release that is not `major.minor`.
    MalformedRelease = "CS0032" Error;
    /// The limit of lints per file.
    TooManyLints = "CS0049" Lint;
    /// An import names a file that no import root has.
    ImportNotFound = "CS0100" Error;
    /// A file that the system does not let us read.
    Unreadable = "CS0101" Error;
    /// A file that is not UTF-8.
    NotUtf8 = "CS0102" Error;
    /// A file larger than a file may be.
    FileTooLarge = "CS0103" Error;
    /// A folder, pipe or device where a file is expected.
    NotRegularFile = "CS0104" Error;
    /// An import path that is not a plain path from an import root.
    ImportPath = "CS0105" Error;
    /// A path that leads out of its import root.
    OutsideRoots = "CS0106" Error;
    /// A file that imports itself.
    ImportOfItself = "CS0107" Error;
    /// Files that import one another.
    ImportCycle = "CS0108" Error;
    /// A file imported twice.
    DuplicateImport = "CS0109" Lint;
    /// An import that nothing needs.
    UnusedImport = "CS0110" Lint;
    /// A package that does not follow the file's path.
    PackagePath = "CS0111" Lint;
    /// A package below `google.protobuf`.
    PackageReserved = "CS0112" Error;
    /// A name that nothing declares.
    UnknownName = "CS0130" Error;
    /// A name that a file declares which is not imported.
    NotImported = "CS0131" Error;
    /// A simple name that several imported files declare.
    AmbiguousName = "CS0132" Error;
    /// A type expected, something else named.
    NotAType = "CS0133" Error;
    /// An error named outside `throws`.
    ErrorAsType = "CS0134" Error;
    /// Two definitions with one name.
    DuplicateDefinition = "CS0135" Error;
    /// A declaration named like a built-in type.
    BuiltinName = "CS0136" Error;
    /// Names that become one name in Rust.
    CaseClash = "CS0137" Error;
    /// Fields that have one name in JSON.
    JsonNameClash = "CS0138" Error;
    /// A name that the compiler makes itself.
    GeneratedClash = "CS0139" Error;
    /// Two things that become one Rust module.
    ModuleClash = "CS0140" Error;
    /// A name without a letter or digit.
    NamelessName = "CS0141" Error;
    /// A name that is a keyword of Rust.
    RustKeyword = "CS0142" Lint;
    /// A method named like one of the client's own.
    ClientMethodClash = "CS0143" Lint;
    /// A name or package beyond the limit.
    NameTooLong = "CS0144" Error;
    /// Two fields with one number.
    DuplicateFieldNumber = "CS0150" Error;
    /// A field with the number zero.
    FieldNumberZero = "CS0151" Error;
    /// A field number beyond protobuf's range.
    FieldNumberTooLarge = "CS0152" Error;
    /// A field number that protobuf keeps for itself.
    FieldNumberProtobuf = "CS0153" Error;
    /// A number that is reserved.
    ReservedNumber = "CS0154" Error;
    /// A name that is reserved.
    ReservedName = "CS0155" Error;
    /// Something reserved twice.
    ReservedOverlap = "CS0156" Error;
    /// A reserved range that is empty or beyond all numbers.
    ReservedRange = "CS0157" Error;
    /// A reserved name that no field could have.
    ReservedNotAName = "CS0158" Error;
    /// A list of something that a list cannot hold.
    ListEntry = "CS0159" Error;
    /// An optional list, map or optional.
    OptionalContainer = "CS0160" Error;
    /// A map whose values are something that a map cannot hold.
    MapValue = "CS0161" Error;
    /// A map whose keys are not integers, strings or booleans.
    MapKey = "CS0162" Error;
    /// A list, map or optional in a oneof.
    OneofMember = "CS0163" Error;
    /// A oneof without members.
    EmptyOneof = "CS0164" Error;
    /// Messages that no finite value can satisfy.
    RequiredCycle = "CS0165" Error;
    /// An enum without a value of number zero.
    EnumWithoutZero = "CS0170" Error;
    /// An enum whose first value is not zero.
    EnumZeroNotFirst = "CS0171" Error;
    /// Two enum values with one number.
    DuplicateEnumNumber = "CS0172" Error;
    /// An enum value with and one without the prefix.
    EnumBothSpellings = "CS0173" Error;
    /// An enum number beyond 32 bits.
    EnumNumberRange = "CS0174" Error;
    /// `@allow_alias` on an enum without aliases.
    NeedlessAllowAlias = "CS0175" Lint;
    /// An annotation that does not exist.
    UnknownAnnotation = "CS0180" Error;
    /// An annotation where it may not stand.
    AnnotationTarget = "CS0181" Error;
    /// One annotation twice on one thing.
    DuplicateAnnotation = "CS0182" Error;
    /// An annotation without an argument that it needs.
    MissingArgument = "CS0183" Error;
    /// An argument that an annotation does not take.
    ExtraArgument = "CS0184" Error;
    /// One argument twice.
    DuplicateArgument = "CS0185" Error;
    /// An argument of the wrong type.
    ArgumentType = "CS0186" Error;
    /// A word that is not among the choices.
    UnknownChoice = "CS0187" Error;
    /// A zero where zero makes no sense.
    ZeroArgument = "CS0188" Error;
    /// An argument that is too large.
    ArgumentRange = "CS0189" Error;
    /// A rule that does not fit the field's type.
    RuleType = "CS0190" Error;
    /// A range that holds nothing.
    EmptyRange = "CS0191" Error;
    /// A bound or choice that the field's type cannot hold.
    BoundRange = "CS0192" Error;
    /// A pattern that is not a regular expression.
    BadPattern = "CS0193" Error;
    /// A value that the enum does not have.
    UnknownEnumValue = "CS0194" Error;
    /// A constant of a type that constants cannot have.
    ConstantType = "CS0200" Error;
    /// A constant whose value is not of its type.
    ConstantValue = "CS0201" Error;
    /// A constant whose value its type cannot hold.
    ConstantRange = "CS0202" Error;
    /// Constants defined by one another.
    ConstantCycle = "CS0203" Error;
    /// A constant expected, something else named.
    NotAConstant = "CS0204" Error;
    /// A method's request or reply that is not a message.
    NotAMessage = "CS0210" Error;
    /// `throws` of something that is not an error.
    ThrowsNotError = "CS0211" Error;
    /// One error thrown twice by one method.
    ThrowsTwice = "CS0212" Error;
    /// Two errors of one method with one simple name.
    ThrowsSameName = "CS0213" Error;
    /// A status code that does not exist.
    UnknownStatusCode = "CS0214" Error;
    /// Two methods with one name at one release.
    DuplicateMethod = "CS0215" Error;
    /// A second `versions` or `groups` line.
    DuplicateServiceLine = "CS0216" Error;
    /// A group listed twice.
    DuplicateGroup = "CS0217" Error;
    /// `..` that is not the last of several groups.
    OpenGroups = "CS0218" Error;
    /// A release listed twice.
    DuplicateVersion = "CS0219" Error;
    /// Releases that are not oldest first.
    VersionOrder = "CS0220" Error;
    /// A release that the service does not list.
    UnlistedRelease = "CS0230" Error;
    /// A method that would be removed or deprecated before it is there.
    WindowOrder = "CS0231" Error;
    /// A method removed at a release that is not the first of its major.
    RemovedInMinor = "CS0232" Error;
    /// Repetition of a method that is not idempotent.
    NotIdempotent = "CS0240" Error;
    /// A one-way method with a reply or errors.
    OnewayAnswer = "CS0241" Error;
    /// A one-way method with a stream.
    OnewayStream = "CS0242" Error;
    /// A one-way method with a policy that needs an answer.
    OnewayPolicy = "CS0243" Error;
    /// A policy that does not go with the method's streams.
    StreamPolicy = "CS0244" Error;
    /// A hash path that names no field.
    HashPathUnknown = "CS0245" Error;
    /// A hash path that does not end in a scalar or enum.
    HashPathType = "CS0246" Error;
    /// A back-off whose longest pause is shorter than its first.
    InvertedBackoff = "CS0247" Error;
    /// A field that is gone, and nothing keeps its number or name.
    FieldRemoved = "CS0300" Error;
    /// A field that is gone, its number and name reserved.
    FieldRetired = "CS0301" Error;
    /// A field with another number.
    FieldRenumbered = "CS0302" Error;
    /// A field with another name.
    FieldRenamed = "CS0303" Error;
    /// A field with another name in JSON.
    JsonNameChanged = "CS0304" Error;
    /// A field of a type with other bytes.
    FieldTypeChanged = "CS0305" Error;
    /// A field of a type that holds fewer values.
    FieldTypeNarrowed = "CS0306" Error;
    /// A field of another type with the same bytes.
    FieldTypeWidened = "CS0307" Error;
    /// A field that became a list, or was one.
    ListChanged = "CS0308" Error;
    /// A field that could be absent and cannot any more.
    PresenceDropped = "CS0309" Error;
    /// A field that can be absent and could not before.
    PresenceAdded = "CS0310" Error;
    /// A field that joined a oneof.
    JoinedOneof = "CS0311" Error;
    /// A field that left its oneof.
    LeftOneof = "CS0312" Error;
    /// A oneof with another name.
    OneofRenamed = "CS0313" Error;
    /// Something that was reserved and is not any more.
    ReservationDropped = "CS0314" Error;
    /// A field that accepts fewer values.
    RuleTightened = "CS0315" Error;
    /// A new field that must be there.
    RequiredFieldAdded = "CS0316" Error;
    /// A message, enum, error or constant that is gone.
    DeclarationRemoved = "CS0320" Error;
    /// An enum value that is gone, and nothing keeps its number or name.
    EnumValueRemoved = "CS0321" Error;
    /// An enum value that is gone, its number and name reserved.
    EnumValueRetired = "CS0322" Error;
    /// An enum value with another number.
    EnumValueRenumbered = "CS0323" Error;
    /// An enum value with another name.
    EnumValueRenamed = "CS0324" Error;
    /// An error with another status code.
    ErrorCodeChanged = "CS0325" Error;
    /// A constant of another type.
    ConstantTypeChanged = "CS0326" Error;
    /// A service that is gone.
    ServiceRemoved = "CS0340" Error;
    /// A release that is not listed any more.
    ReleaseRemoved = "CS0341" Error;
    /// A group that is not listed any more.
    GroupRemoved = "CS0342" Error;
    /// Another group that is listed first.
    DefaultGroupChanged = "CS0343" Error;
    /// Groups that were open and are not any more.
    GroupsClosed = "CS0344" Error;
    /// A method that is gone from a release that had it.
    MethodRemoved = "CS0345" Error;
    /// A method that is new in a release that was without it.
    MethodAddedToRelease = "CS0346" Error;
    /// A method with another request or reply.
    MethodTypeChanged = "CS0347" Error;
    /// A method with other arguments.
    ArgumentsChanged = "CS0348" Error;
    /// A method with other streams.
    StreamChanged = "CS0349" Error;
    /// A method that became one-way, or was.
    OnewayChanged = "CS0350" Error;
    /// A method that throws an error no more.
    ThrowsRemoved = "CS0351" Error;
    /// A method that throws another error.
    ThrowsAdded = "CS0352" Error;
    /// A method that is not idempotent any more.
    IdempotentRemoved = "CS0353" Error;
    /// A method that takes smaller messages only.
    MaxSizeLowered = "CS0354" Error;
    /// A method whose calls go to other instances.
    HashPathChanged = "CS0355" Error;
    /// A lock file that cannot be read.
    LockMalformed = "CS0390" Error;
    /// A lock file of another format.
    LockVersion = "CS0391" Error;
}
