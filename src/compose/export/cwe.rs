//! What does CWE call a weakness? The names of those that reports are about (CWE 4.x), since CSAF
//! demands name beside number.

/// By number.
const NAMES: [(&str, &str); 179] = [
    ("CWE-20", "Improper Input Validation"),
    (
        "CWE-22",
        "Improper Limitation of a Pathname to a Restricted Directory ('Path Traversal')",
    ),
    ("CWE-23", "Relative Path Traversal"),
    ("CWE-36", "Absolute Path Traversal"),
    ("CWE-41", "Improper Resolution of Path Equivalence"),
    (
        "CWE-59",
        "Improper Link Resolution Before File Access ('Link Following')",
    ),
    ("CWE-61", "UNIX Symbolic Link (Symlink) Following"),
    ("CWE-64", "Windows Shortcut Following (.LNK)"),
    ("CWE-73", "External Control of File Name or Path"),
    (
        "CWE-74",
        "Improper Neutralization of Special Elements in Output Used by a Downstream Component \
         ('Injection')",
    ),
    (
        "CWE-77",
        "Improper Neutralization of Special Elements used in a Command ('Command Injection')",
    ),
    (
        "CWE-78",
        "Improper Neutralization of Special Elements used in an OS Command ('OS Command \
         Injection')",
    ),
    (
        "CWE-79",
        "Improper Neutralization of Input During Web Page Generation ('Cross-site Scripting')",
    ),
    (
        "CWE-80",
        "Improper Neutralization of Script-Related HTML Tags in a Web Page (Basic XSS)",
    ),
    (
        "CWE-88",
        "Improper Neutralization of Argument Delimiters in a Command ('Argument Injection')",
    ),
    (
        "CWE-89",
        "Improper Neutralization of Special Elements used in an SQL Command ('SQL Injection')",
    ),
    (
        "CWE-90",
        "Improper Neutralization of Special Elements used in an LDAP Query ('LDAP Injection')",
    ),
    ("CWE-91", "XML Injection (aka Blind XPath Injection)"),
    (
        "CWE-93",
        "Improper Neutralization of CRLF Sequences ('CRLF Injection')",
    ),
    (
        "CWE-94",
        "Improper Control of Generation of Code ('Code Injection')",
    ),
    (
        "CWE-95",
        "Improper Neutralization of Directives in Dynamically Evaluated Code ('Eval Injection')",
    ),
    (
        "CWE-98",
        "Improper Control of Filename for Include/Require Statement in PHP Program ('PHP Remote \
         File Inclusion')",
    ),
    (
        "CWE-113",
        "Improper Neutralization of CRLF Sequences in HTTP Headers ('HTTP Request/Response \
         Splitting')",
    ),
    ("CWE-116", "Improper Encoding or Escaping of Output"),
    ("CWE-117", "Improper Output Neutralization for Logs"),
    (
        "CWE-119",
        "Improper Restriction of Operations within the Bounds of a Memory Buffer",
    ),
    (
        "CWE-120",
        "Buffer Copy without Checking Size of Input ('Classic Buffer Overflow')",
    ),
    ("CWE-121", "Stack-based Buffer Overflow"),
    ("CWE-122", "Heap-based Buffer Overflow"),
    ("CWE-125", "Out-of-bounds Read"),
    ("CWE-129", "Improper Validation of Array Index"),
    ("CWE-131", "Incorrect Calculation of Buffer Size"),
    ("CWE-134", "Use of Externally-Controlled Format String"),
    ("CWE-170", "Improper Null Termination"),
    ("CWE-178", "Improper Handling of Case Sensitivity"),
    (
        "CWE-180",
        "Incorrect Behavior Order: Validate Before Canonicalize",
    ),
    ("CWE-184", "Incomplete List of Disallowed Inputs"),
    ("CWE-185", "Incorrect Regular Expression"),
    ("CWE-190", "Integer Overflow or Wraparound"),
    ("CWE-191", "Integer Underflow (Wrap or Wraparound)"),
    ("CWE-193", "Off-by-one Error"),
    ("CWE-195", "Signed to Unsigned Conversion Error"),
    ("CWE-197", "Numeric Truncation Error"),
    (
        "CWE-200",
        "Exposure of Sensitive Information to an Unauthorized Actor",
    ),
    ("CWE-203", "Observable Discrepancy"),
    ("CWE-204", "Observable Response Discrepancy"),
    ("CWE-208", "Observable Timing Discrepancy"),
    (
        "CWE-209",
        "Generation of Error Message Containing Sensitive Information",
    ),
    (
        "CWE-212",
        "Improper Removal of Sensitive Information Before Storage or Transfer",
    ),
    ("CWE-248", "Uncaught Exception"),
    ("CWE-250", "Execution with Unnecessary Privileges"),
    ("CWE-252", "Unchecked Return Value"),
    ("CWE-259", "Use of Hard-coded Password"),
    ("CWE-269", "Improper Privilege Management"),
    ("CWE-276", "Incorrect Default Permissions"),
    ("CWE-284", "Improper Access Control"),
    ("CWE-285", "Improper Authorization"),
    ("CWE-287", "Improper Authentication"),
    (
        "CWE-288",
        "Authentication Bypass Using an Alternate Path or Channel",
    ),
    ("CWE-290", "Authentication Bypass by Spoofing"),
    ("CWE-294", "Authentication Bypass by Capture-replay"),
    ("CWE-295", "Improper Certificate Validation"),
    (
        "CWE-297",
        "Improper Validation of Certificate with Host Mismatch",
    ),
    (
        "CWE-303",
        "Incorrect Implementation of Authentication Algorithm",
    ),
    ("CWE-304", "Missing Critical Step in Authentication"),
    ("CWE-305", "Authentication Bypass by Primary Weakness"),
    ("CWE-306", "Missing Authentication for Critical Function"),
    (
        "CWE-307",
        "Improper Restriction of Excessive Authentication Attempts",
    ),
    ("CWE-311", "Missing Encryption of Sensitive Data"),
    ("CWE-312", "Cleartext Storage of Sensitive Information"),
    ("CWE-319", "Cleartext Transmission of Sensitive Information"),
    ("CWE-321", "Use of Hard-coded Cryptographic Key"),
    ("CWE-326", "Inadequate Encryption Strength"),
    (
        "CWE-327",
        "Use of a Broken or Risky Cryptographic Algorithm",
    ),
    ("CWE-330", "Use of Insufficiently Random Values"),
    ("CWE-331", "Insufficient Entropy"),
    (
        "CWE-338",
        "Use of Cryptographically Weak Pseudo-Random Number Generator (PRNG)",
    ),
    ("CWE-345", "Insufficient Verification of Data Authenticity"),
    ("CWE-346", "Origin Validation Error"),
    (
        "CWE-347",
        "Improper Verification of Cryptographic Signature",
    ),
    (
        "CWE-349",
        "Acceptance of Extraneous Untrusted Data With Trusted Data",
    ),
    ("CWE-352", "Cross-Site Request Forgery (CSRF)"),
    ("CWE-354", "Improper Validation of Integrity Check Value"),
    (
        "CWE-358",
        "Improperly Implemented Security Check for Standard",
    ),
    (
        "CWE-362",
        "Concurrent Execution using Shared Resource with Improper Synchronization ('Race \
         Condition')",
    ),
    (
        "CWE-367",
        "Time-of-check Time-of-use (TOCTOU) Race Condition",
    ),
    ("CWE-369", "Divide By Zero"),
    ("CWE-377", "Insecure Temporary File"),
    (
        "CWE-379",
        "Creation of Temporary File in Directory with Insecure Permissions",
    ),
    ("CWE-384", "Session Fixation"),
    ("CWE-400", "Uncontrolled Resource Consumption"),
    (
        "CWE-401",
        "Missing Release of Memory after Effective Lifetime",
    ),
    ("CWE-404", "Improper Resource Shutdown or Release"),
    ("CWE-405", "Asymmetric Resource Consumption (Amplification)"),
    ("CWE-407", "Inefficient Algorithmic Complexity"),
    (
        "CWE-409",
        "Improper Handling of Highly Compressed Data (Data Amplification)",
    ),
    ("CWE-415", "Double Free"),
    ("CWE-416", "Use After Free"),
    ("CWE-426", "Untrusted Search Path"),
    ("CWE-427", "Uncontrolled Search Path Element"),
    ("CWE-434", "Unrestricted Upload of File with Dangerous Type"),
    ("CWE-436", "Interpretation Conflict"),
    (
        "CWE-444",
        "Inconsistent Interpretation of HTTP Requests ('HTTP Request/Response Smuggling')",
    ),
    (
        "CWE-451",
        "User Interface (UI) Misrepresentation of Critical Information",
    ),
    ("CWE-459", "Incomplete Cleanup"),
    (
        "CWE-470",
        "Use of Externally-Controlled Input to Select Classes or Code ('Unsafe Reflection')",
    ),
    ("CWE-471", "Modification of Assumed-Immutable Data (MAID)"),
    ("CWE-476", "NULL Pointer Dereference"),
    (
        "CWE-497",
        "Exposure of Sensitive System Information to an Unauthorized Control Sphere",
    ),
    ("CWE-502", "Deserialization of Untrusted Data"),
    ("CWE-521", "Weak Password Requirements"),
    ("CWE-522", "Insufficiently Protected Credentials"),
    (
        "CWE-532",
        "Insertion of Sensitive Information into Log File",
    ),
    (
        "CWE-538",
        "Insertion of Sensitive Information into Externally-Accessible File or Directory",
    ),
    (
        "CWE-540",
        "Inclusion of Sensitive Information in Source Code",
    ),
    (
        "CWE-548",
        "Exposure of Information Through Directory Listing",
    ),
    (
        "CWE-552",
        "Files or Directories Accessible to External Parties",
    ),
    (
        "CWE-565",
        "Reliance on Cookies without Validation and Integrity Checking",
    ),
    (
        "CWE-567",
        "Unsynchronized Access to Shared Data in a Multithreaded Context",
    ),
    (
        "CWE-601",
        "URL Redirection to Untrusted Site ('Open Redirect')",
    ),
    (
        "CWE-610",
        "Externally Controlled Reference to a Resource in Another Sphere",
    ),
    (
        "CWE-611",
        "Improper Restriction of XML External Entity Reference",
    ),
    ("CWE-613", "Insufficient Session Expiration"),
    ("CWE-617", "Reachable Assertion"),
    ("CWE-620", "Unverified Password Change"),
    (
        "CWE-639",
        "Authorization Bypass Through User-Controlled Key",
    ),
    (
        "CWE-640",
        "Weak Password Recovery Mechanism for Forgotten Password",
    ),
    (
        "CWE-664",
        "Improper Control of a Resource Through its Lifetime",
    ),
    ("CWE-665", "Improper Initialization"),
    ("CWE-668", "Exposure of Resource to Wrong Sphere"),
    ("CWE-674", "Uncontrolled Recursion"),
    ("CWE-681", "Incorrect Conversion between Numeric Types"),
    ("CWE-682", "Incorrect Calculation"),
    (
        "CWE-690",
        "Unchecked Return Value to NULL Pointer Dereference",
    ),
    ("CWE-693", "Protection Mechanism Failure"),
    ("CWE-697", "Incorrect Comparison"),
    (
        "CWE-703",
        "Improper Check or Handling of Exceptional Conditions",
    ),
    ("CWE-704", "Incorrect Type Conversion or Cast"),
    ("CWE-707", "Improper Neutralization"),
    (
        "CWE-732",
        "Incorrect Permission Assignment for Critical Resource",
    ),
    ("CWE-749", "Exposed Dangerous Method or Function"),
    (
        "CWE-754",
        "Improper Check for Unusual or Exceptional Conditions",
    ),
    ("CWE-755", "Improper Handling of Exceptional Conditions"),
    (
        "CWE-757",
        "Selection of Less-Secure Algorithm During Negotiation ('Algorithm Downgrade')",
    ),
    ("CWE-763", "Release of Invalid Pointer or Reference"),
    (
        "CWE-770",
        "Allocation of Resources Without Limits or Throttling",
    ),
    (
        "CWE-772",
        "Missing Release of Resource after Effective Lifetime",
    ),
    (
        "CWE-776",
        "Improper Restriction of Recursive Entity References in DTDs ('XML Entity Expansion')",
    ),
    (
        "CWE-786",
        "Access of Memory Location Before Start of Buffer",
    ),
    ("CWE-787", "Out-of-bounds Write"),
    ("CWE-788", "Access of Memory Location After End of Buffer"),
    ("CWE-789", "Memory Allocation with Excessive Size Value"),
    ("CWE-798", "Use of Hard-coded Credentials"),
    ("CWE-805", "Buffer Access with Incorrect Length Value"),
    ("CWE-823", "Use of Out-of-range Pointer Offset"),
    ("CWE-824", "Access of Uninitialized Pointer"),
    ("CWE-834", "Excessive Iteration"),
    (
        "CWE-835",
        "Loop with Unreachable Exit Condition ('Infinite Loop')",
    ),
    ("CWE-838", "Inappropriate Encoding for Output Context"),
    ("CWE-841", "Improper Enforcement of Behavioral Workflow"),
    (
        "CWE-843",
        "Access of Resource Using Incompatible Type ('Type Confusion')",
    ),
    ("CWE-862", "Missing Authorization"),
    ("CWE-863", "Incorrect Authorization"),
    ("CWE-908", "Use of Uninitialized Resource"),
    (
        "CWE-915",
        "Improperly Controlled Modification of Dynamically-Determined Object Attributes",
    ),
    (
        "CWE-917",
        "Improper Neutralization of Special Elements used in an Expression Language Statement \
         ('Expression Language Injection')",
    ),
    ("CWE-918", "Server-Side Request Forgery (SSRF)"),
    ("CWE-922", "Insecure Storage of Sensitive Information"),
    (
        "CWE-924",
        "Improper Enforcement of Message Integrity During Transmission in a Communication Channel",
    ),
    (
        "CWE-943",
        "Improper Neutralization of Special Elements in Data Query Logic",
    ),
    (
        "CWE-1021",
        "Improper Restriction of Rendered UI Layers or Frames",
    ),
    (
        "CWE-1188",
        "Initialization of a Resource with an Insecure Default",
    ),
    ("CWE-1220", "Insufficient Granularity of Access Control"),
    (
        "CWE-1236",
        "Improper Neutralization of Formula Elements in a CSV File",
    ),
    (
        "CWE-1284",
        "Improper Validation of Specified Quantity in Input",
    ),
    ("CWE-1287", "Improper Validation of Specified Type of Input"),
    (
        "CWE-1321",
        "Improperly Controlled Modification of Object Prototype Attributes ('Prototype Pollution')",
    ),
    ("CWE-1333", "Inefficient Regular Expression Complexity"),
    (
        "CWE-1336",
        "Improper Neutralization of Special Elements Used in a Template Engine",
    ),
];

pub fn name(id: &str) -> Option<&'static str> {
    NAMES
        .iter()
        .find(|(known, _)| *known == id)
        .map(|(_, name)| *name)
}
