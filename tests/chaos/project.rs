//! The project that the bus runs, and what becomes of each number in it.

use std::path::Path;
use std::sync::OnceLock;

use serde_json::{Value, json};

/// A route of the project. Each number belongs to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// Passed on as it is, never parsed.
    Pass,
    /// JSON to XML, a call to an ERP that speaks XML, XML to JSON.
    Ask,
    /// To one of two sinks, or to both, by content.
    Split,
    /// A participant that fails at first, and a sink that can be full.
    Retry,
    /// Every other message is invalid on purpose.
    Dead,
    /// In order for each key, with the participant that fails at first.
    Keyed,
    /// Drops duplicates, of which the producer makes some on purpose.
    Once,
    /// Makes parts of a message, each for a sink of its own.
    Parts,
    /// Puts the messages of a sequence, which come with the last one first, into the order of their numbers.
    Line,
    /// Puts four messages together, or as many as come in time.
    Gather,
    /// Counts the messages of a key, which it takes in order, in its state.
    Count,
}

pub const ROUTES: [Route; 11] = [
    Route::Pass,
    Route::Ask,
    Route::Split,
    Route::Retry,
    Route::Dead,
    Route::Keyed,
    Route::Once,
    Route::Parts,
    Route::Line,
    Route::Gather,
    Route::Count,
];

/// What a run is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mix {
    /// Every route.
    #[default]
    All,
    /// Nearly everything is for the ERP.
    Flood,
    /// All but what instances must share a store for: here each has its own.
    Cluster,
}

static MIX: OnceLock<Mix> = OnceLock::new();

/// Decides once what the numbers of this run are.
pub fn mix(mix: Mix) {
    MIX.set(mix).expect("is decided once");
}

fn decided() -> Mix {
    MIX.get().copied().unwrap_or_default()
}

/// The routes that get messages in this run.
pub fn routes_at_work() -> &'static [Route] {
    match decided() {
        Mix::All => &ROUTES,
        Mix::Flood => &[Route::Pass, Route::Ask],
        Mix::Cluster => ROUTES.split_last_chunk::<3>().map_or(&[], |(others, _)| others),
    }
}

impl Route {
    pub fn of(number: u32) -> Self {
        match decided() {
            Mix::Flood => return if number.is_multiple_of(20) { Self::Pass } else { Self::Ask },
            Mix::Cluster if matches!(number % 20, 3 | 18 | 19) => return Self::Pass,
            Mix::All | Mix::Cluster => {}
        }
        match number % 20 {
            0..=2 => Self::Pass,
            3 => Self::Line,
            4..=6 => Self::Ask,
            7..=9 => Self::Split,
            10 | 11 => Self::Retry,
            12 | 13 => Self::Dead,
            14 | 15 => Self::Keyed,
            16 => Self::Once,
            17 => Self::Parts,
            18 => Self::Gather,
            _ => Self::Count,
        }
    }

    pub fn name(self) -> &'static str {
        ["pass", "ask", "split", "retry", "dead", "keyed", "once", "parts", "line", "gather", "count"][self as usize]
    }

    pub fn queue(self) -> String {
        format!("chaos.{}", self.name())
    }

    pub fn dead_letters(self) -> Place {
        PLACES[Place::PassDead as usize + self as usize]
    }

    /// Where the parts of its messages go.
    pub fn sinks(self) -> &'static [Place] {
        if self == Self::Parts { &[Place::PartA, Place::PartB, Place::PartC] } else { &[] }
    }

    /// The queues in which its messages wait for another attempt; where there is an order, they wait in their place.
    pub fn waits(self) -> impl Iterator<Item = String> {
        let delays = match self {
            Self::Keyed | Self::Count => Vec::new(),
            Self::Line => vec![LINE_TIMEOUT_MILLIS],
            Self::Gather => LADDER.into_iter().chain([GROUP_TIMEOUT_MILLIS]).collect(),
            _ => LADDER.to_vec(),
        };
        delays.into_iter().map(move |delay| format!("{}.retry.{delay}", self.queue()))
    }
}

/// Spells out, from the list of places, how each is called and what its queue is.
macro_rules! places {
    ($($place:ident => $queue:literal,)*) => {
        /// Where a message can end.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Place {
            $($place,)*
        }

        pub const PLACES: [Place; [$($queue),*].len()] = [$(Place::$place),*];

        impl Place {
            pub fn queue(self) -> &'static str {
                match self {
                    $(Self::$place => $queue,)*
                }
            }
        }
    };
}

// First the sinks, then the dead letters, which are in the order of the routes.
places! {
    Pass => "chaos.pass.out",
    Ask => "chaos.ask.out",
    Left => "chaos.split.left",
    Right => "chaos.split.right",
    Retry => "chaos.retry.out",
    Dead => "chaos.dead.out",
    Keyed => "chaos.keyed.out",
    Once => "chaos.once.out",
    PartA => "chaos.parts.a",
    PartB => "chaos.parts.b",
    PartC => "chaos.parts.c",
    Line => "chaos.line.out",
    Gather => "chaos.gather.out",
    Count => "chaos.count.out",
    PassDead => "chaos.pass.dlq",
    AskDead => "chaos.ask.dlq",
    SplitDead => "chaos.split.dlq",
    RetryDead => "chaos.retry.dlq",
    DeadDead => "chaos.dead.dlq",
    KeyedDead => "chaos.keyed.dlq",
    OnceDead => "chaos.once.dlq",
    PartsDead => "chaos.parts.dlq",
    LineDead => "chaos.line.dlq",
    GatherDead => "chaos.gather.dlq",
    CountDead => "chaos.count.dlq",
}

impl Place {
    pub fn is_dead_letters(self) -> bool {
        self >= Self::PassDead
    }
}

/// The sinks, which the bus does not declare.
pub fn sinks() -> impl Iterator<Item = Place> {
    PLACES.into_iter().filter(|place| !place.is_dead_letters())
}

/// What the sink that can be full holds; a quorum queue takes a little more.
pub const ROOM: i64 = 50;
/// The exchange before the two sinks of [`Route::Split`].
pub const EXCHANGE: &str = "chaos.split";
pub const ERP: &str = "chaos.erp";
pub const FLAKY: &str = "chaos.flaky";
/// How long a call waits.
pub const CALL_TIMEOUT_MILLIS: u64 = 1_000;
/// The delays of every route, in milliseconds.
pub const LADDER: [u32; 5] = [300, 1_000, 3_000, 8_000, 15_000];

/// When a group is complete in any case.
pub const GROUP_TIMEOUT_MILLIS: u32 = 1_500;

/// When a sequence goes on without what is missing.
pub const LINE_TIMEOUT_MILLIS: u32 = 15_000;
/// Messages of a sequence.
const LINE: u32 = 8;

/// The sequence of a number of [`Route::Line`], and its place in it.
pub fn place_in_line(number: u32) -> (u32, u32) {
    let nth = number / 20;
    (nth / LINE, LINE - nth % LINE)
}

/// Whether the message is invalid on purpose.
pub fn is_invalid(number: u32) -> bool {
    Route::of(number) == Route::Dead && number % 2 == 1
}

/// How often the flaky participant answers a number with an error before it answers well: the second attempt is made
/// at once, the third after the first delay.
pub fn errors_at_first(number: u32) -> u32 {
    let every = if Route::of(number) == Route::Keyed { 16 } else { 4 };
    if (number / 20).is_multiple_of(every) { 2 } else { 0 }
}

/// What [`Route::Keyed`] goes by: its messages arrive in order for each.
pub fn key(number: u32) -> u32 {
    number % KEYS
}

pub const KEYS: u32 = 61;

/// Whether the producer publishes it twice on purpose.
pub fn is_doubled(number: u32) -> bool {
    Route::of(number) == Route::Once && number / 20 % 2 == 1
}

/// Where a number must arrive if nothing goes wrong.
pub fn expected(number: u32) -> &'static [Place] {
    match (Route::of(number), number % 3) {
        (Route::Pass, _) => &[Place::Pass],
        (Route::Ask, _) => &[Place::Ask],
        (Route::Split, 0) => &[Place::Left],
        (Route::Split, 1) => &[Place::Right],
        (Route::Split, _) => &[Place::Left, Place::Right],
        (Route::Retry, _) => &[Place::Retry],
        (Route::Dead, _) if is_invalid(number) => &[Place::DeadDead],
        (Route::Dead, _) => &[Place::Dead],
        (Route::Keyed, _) => &[Place::Keyed],
        (Route::Once, _) => &[Place::Once],
        (Route::Parts, 0) => &[Place::PartA],
        (Route::Parts, 1) => &[Place::PartA, Place::PartB],
        (Route::Parts, _) => &[Place::PartA, Place::PartB, Place::PartC],
        (Route::Line, _) => &[Place::Line],
        (Route::Gather, _) => &[Place::Gather],
        (Route::Count, _) => &[Place::Count],
    }
}

fn customer(number: u32) -> String {
    format!("{:05}", number % 1_000)
}

/// The body that is published.
pub fn body(number: u32) -> Vec<u8> {
    let filling = "x".repeat(number as usize % 500);
    match Route::of(number) {
        Route::Pass | Route::Retry | Route::Keyed | Route::Count => format!("{number} {filling}").into_bytes(),
        Route::Ask => {
            let items = &["shelf", "table", "chair"][..1 + number as usize % 3];
            json!({ "number": number, "customer": customer(number), "items": items }).to_string().into_bytes()
        }
        Route::Split => {
            let side = ["left", "right", "both"][number as usize % 3];
            json!({ "number": number, "side": side, "text": filling }).to_string().into_bytes()
        }
        Route::Parts => {
            let names = &["a", "b", "c"][..1 + number as usize % 3];
            json!({ "number": number, "parts": names }).to_string().into_bytes()
        }
        Route::Line => {
            let (line, position) = place_in_line(number);
            json!({ "number": number, "line": line, "position": position, "text": filling }).to_string().into_bytes()
        }
        // Four that follow one another are a group.
        Route::Gather => json!({ "number": number, "group": number / 80, "text": filling }).to_string().into_bytes(),
        Route::Once => json!({ "number": number, "text": filling }).to_string().into_bytes(),
        Route::Dead => {
            let price = if is_invalid(number) { "free" } else { "12.50" };
            json!({ "number": number, "price": price }).to_string().into_bytes()
        }
    }
}

/// What the ERP answers to a request, in XML.
pub fn answer(number: u32) -> String {
    format!(
        "<Response xmlns=\"urn:chaos:erp\"><Number>{number}</Number><Customer>{}</Customer><Total>{number}.50</Total></Response>",
        customer(number)
    )
}

/// Whether a body is what this number must be at this place.
pub fn is_right(place: Place, number: u32, found: &[u8]) -> bool {
    let part = |name: &str| json!({ "number": number, "name": name });
    let expected = match place {
        Place::Ask => json!({ "number": number, "customer": customer(number), "total": format!("{number}.50") }),
        Place::PartA => part("a"),
        Place::PartB => part("b"),
        Place::PartC => part("c"),
        Place::Gather | Place::GatherDead => serde_json::from_slice(&body(number)).expect("is JSON"),
        _ => return found == body(number),
    };
    serde_json::from_slice::<Value>(found).is_ok_and(|found| found == expected)
}

/// The number in a request of the ERP, if the request is what the route must make of it.
pub fn asked(request: &str) -> Option<u32> {
    let number: u32 = request.split_once("<Number>")?.1.split_once("</Number>")?.0.parse().ok()?;
    let customer = format!("<Customer>{}</Customer>", customer(number));
    let items = 1 + number as usize % 3;
    (request.contains(&customer) && request.matches("<Item>").count() == items).then_some(number)
}

/// One route as its file; `generation` makes it differ from an earlier one.
fn route(route: Route, generation: u32) -> String {
    let delays: Vec<String> = LADDER.iter().map(|delay| format!("{delay}ms")).collect();
    let side = |side: &str| format!("{{ amqp: {{ exchange: {EXCHANGE}, kind: direct, routing_key: {side} }} }}");
    let (left, right) = (side("left"), side("right"));
    let steps = match route {
        Route::Pass => "steps: [to: { amqp: { routing_key: chaos.pass.out } }]".to_owned(),
        Route::Ask => format!(
            "accepts: question\nsteps:\n  - transform: question-to-erp\n  - id: erp\n    call: {{ amqp: {{ routing_key: \
             {ERP} }}, timeout: {CALL_TIMEOUT_MILLIS}ms, accepts: erp#Response }}\n  - transform: answer-from-erp\n  - \
             to: {{ amqp: {{ routing_key: chaos.ask.out }} }}"
        ),
        Route::Split => format!(
            "steps:\n  - choice:\n      - when: .side == \"left\"\n        steps: [to: {left}]\n      - when: .side == \
             \"right\"\n        steps: [to: {right}]\n      - otherwise: [to: [{left}, {right}]]"
        ),
        Route::Retry => format!(
            "steps:\n  - id: flaky\n    call: {{ amqp: {{ routing_key: {FLAKY} }}, timeout: \
             {CALL_TIMEOUT_MILLIS}ms }}\n  - to: {{ amqp: {{ routing_key: chaos.retry.out }} }}"
        ),
        Route::Keyed => format!(
            "ordered_by: $headers.key\nsteps:\n  - id: flaky\n    call: {{ amqp: {{ routing_key: {FLAKY} }}, timeout: \
             {CALL_TIMEOUT_MILLIS}ms }}\n  - to: {{ amqp: {{ routing_key: chaos.keyed.out }} }}"
        ),
        Route::Once => "steps:\n  - idempotent: { key: .number, keep: 24h }\n  - to: { amqp: { routing_key: \
                        chaos.once.out } }"
            .to_owned(),
        Route::Parts => {
            "steps:\n  - split:\n      by: '.number as $number | .parts | map({ number: $number, name: . })'\n      \
                         steps: [to: { amqp: { routing_key_from: '\"chaos.parts.\" + .name' } }]"
                .to_owned()
        }
        Route::Line => format!(
            "ordered_by: $headers.key\nsteps:\n  - id: in-line\n    resequence: {{ key: .line, number: .position, timeout: \
             {LINE_TIMEOUT_MILLIS}ms }}\n  - to: {{ amqp: {{ routing_key: chaos.line.out }} }}"
        ),
        Route::Gather => format!(
            "steps:\n  - id: together\n    aggregate: {{ key: .group, count: 4, timeout: {GROUP_TIMEOUT_MILLIS}ms, keep: 24h \
             }}\n  - to: {{ amqp: {{ routing_key: chaos.gather.out }} }}"
        ),
        Route::Count => {
            "ordered_by: $headers.key\nsteps:\n  - state: { load: chaos, key: $headers.key }\n  - state: { save: \
                         '{ count: (($state.count // 0) + 1) }', keep: 24h }\n  - set: { headers: { nth: \
                         $state.count // 0 } }\n  - to: { amqp: { routing_key: chaos.count.out } }"
                .to_owned()
        }
        Route::Dead => "accepts: priced\nsteps: [to: { amqp: { routing_key: chaos.dead.out } }]".to_owned(),
    };
    format!(
        "description: Generation {generation}.\nfrom: {{ amqp: {{ queue: {}, prefetch: {} }} }}\n{steps}\non_error: {{ \
         retry: {{ immediate: 1, delayed: [{}] }}, breaker: {{ failures: 20, pause: 2s }} }}\n",
        route.queue(),
        100 + generation % 3 * 50,
        delays.join(", ")
    )
}

const QUESTION: &str = r#"{
  "type": "object",
  "properties": {
    "number": { "type": "integer" },
    "customer": { "type": "string", "pattern": "^[0-9]{5}$" },
    "items": { "type": "array", "items": { "type": "string" }, "minItems": 1 }
  },
  "required": ["number", "customer", "items"],
  "additionalProperties": false
}"#;
const ANSWER: &str = r#"{
  "type": "object",
  "properties": {
    "number": { "type": "integer" },
    "customer": { "type": "string" },
    "total": { "type": "string" }
  },
  "required": ["number", "customer", "total"],
  "additionalProperties": false
}"#;
const PRICED: &str = r#"{
  "type": "object",
  "properties": {
    "number": { "type": "integer" },
    "price": { "type": "string", "pattern": "^[0-9]+[.][0-9]{2}$" }
  },
  "required": ["number", "price"],
  "additionalProperties": false
}"#;
const ERP_XSD: &str = r#"<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns="urn:chaos:erp"
           targetNamespace="urn:chaos:erp" elementFormDefault="qualified">
  <xs:element name="Request">
    <xs:complexType>
      <xs:sequence>
        <xs:element name="Number" type="xs:int"/>
        <xs:element name="Customer" type="xs:string"/>
        <xs:element name="Item" type="xs:string" maxOccurs="unbounded"/>
      </xs:sequence>
    </xs:complexType>
  </xs:element>
  <xs:element name="Response">
    <xs:complexType>
      <xs:sequence>
        <xs:element name="Number" type="xs:int"/>
        <xs:element name="Customer" type="xs:string"/>
        <xs:element name="Total" type="xs:string"/>
      </xs:sequence>
    </xs:complexType>
  </xs:element>
</xs:schema>"#;
const TO_ERP: &str =
    "from: question\nto: erp#Request\nmap: |\n  { Request: { Item: .items, Customer: .customer, Number: .number } }\n";
const FROM_ERP: &str =
    "from: erp#Response\nto: answer\nmap: |\n  .Response | { number: .Number, customer: .Customer, total: .Total }\n";

const SETTINGS: &str = "store: { path: keys.redb }
broker: { tls: { ca: tls/ca.pem, certificate: tls/client.pem, key: tls/client.key } }
";

/// Writes the whole project.
pub fn write(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    std::fs::write(folder.join("trunkline.yaml"), SETTINGS)?;
    for name in ["routes", "schemas", "transforms"] {
        std::fs::create_dir_all(folder.join(name))?;
    }
    for one in ROUTES {
        rewrite(folder, one, 0)?;
    }
    std::fs::write(folder.join("schemas/question.json"), QUESTION)?;
    std::fs::write(folder.join("schemas/answer.json"), ANSWER)?;
    std::fs::write(folder.join("schemas/priced.json"), PRICED)?;
    std::fs::write(folder.join("schemas/erp.xsd"), ERP_XSD)?;
    std::fs::write(folder.join("transforms/question-to-erp.yaml"), TO_ERP)?;
    std::fs::write(folder.join("transforms/answer-from-erp.yaml"), FROM_ERP)
}

/// Writes another generation of a route.
pub fn rewrite(folder: &Path, one: Route, generation: u32) -> std::io::Result<()> {
    std::fs::write(folder.join(format!("routes/{}.yaml", one.name())), route(one, generation))
}
