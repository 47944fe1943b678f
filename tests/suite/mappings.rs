//! The mapping checker: planted mistakes are found at their places, correct mappings raise no alarm, and every valid
//! document is one that it counts with.

use std::fmt::Write;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use proptest::prelude::*;

use trunkline::config::settings::Directories;
use trunkline::config::{Environment, Project, Sources};
use trunkline::contract::{Contract, Registry};
use trunkline::diagnostic::{Diagnostic, SourceFile};
use trunkline::message::{Limits, Members, Value};
use trunkline::transform::{Transform, admits};

use crate::generate::{Generator, Name, Schemas, Style};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources() -> Sources {
    let mut wrong = Vec::new();
    let sources = Sources::read(root(), &Directories::default(), &mut wrong);
    assert!(wrong.is_empty(), "{wrong:?}");
    sources
}

/// A transform of the example, with a mistake.
const PLANTED: &[(&str, &str, &str)] = &[
    // Paths that the source cannot have.
    ("chat/order-status-to-erp", ".customer.id", ".custmer.id"),
    ("chat/order-status-to-erp", ".customer.id", ".customer.number"),
    ("chat/order-status-to-erp", "(.customer.email // empty", "(.customer.mail // empty"),
    ("chat/order-status-from-erp", "order_id: .OrderNumber", "order_id: .OrderNo"),
    ("chat/order-status-from-erp", "  .OrderStatusResponse", "  .OrderStatusReply"),
    ("chat/order-status-from-erp", ".Total[\"@currency\"]", ".Total[\"@curency\"]"),
    ("chat/order-status-from-erp", "article: .Article", "article: .Articel"),
    ("chat/order-status-from-erp", ".Parcel[]?", ".Parcels[]?"),
    ("chat/inventory-from-erp", "has(\"NextReceipt\")", "has(\"NextReciept\")"),
    ("chat/inventory-from-erp", ".OnHand[\"#text\"] -", ".OnHand[\"text\"] -"),
    ("shop/order-to-erp", ".customer.tags[]?", ".customer.tag[]?"),
    ("shop/order-to-erp", "PostalCode: .zip", "PostalCode: .postal_code"),
    ("shop/order-to-erp", "$event.created_at", "$event.created"),
    ("shop/order-to-erp", "Article: .sku", "Article: .article"),
    ("crm/lead", "timestamp: .consent.at", "timestamp: .consent.timestamp"),
    ("crm/lead", ".transcript[] | \"\\(.from)", ".transcript[] | \"\\(.sender)"),
    ("erp/shipment-to-chat", ".Content[] |", ".Contents[] |"),
    // Members that the target does not know.
    ("chat/order-status-to-erp", "OrderNumber: (", "OrderNo: ("),
    ("chat/order-status-to-erp", "{ Name: .customer.name }", "{ FullName: .customer.name }"),
    ("chat/order-status-to-erp", "{ Email: . }", "{ Mail: . }"),
    ("chat/order-status-from-erp", "promised: .PromisedDate", "promissed: .PromisedDate"),
    ("chat/inventory-from-erp", "{ next: .NextReceipt }", "{ next_receipt: .NextReceipt }"),
    ("shop/order-to-erp", "{ \"@plant\": .store }", "{ \"@plnt\": .store }"),
    ("shop/order-to-erp", "Sender: \"TRUNKLINE\"", "Sendr: \"TRUNKLINE\""),
    ("crm/lead", "displayName: .name", "fullName: .name"),
    ("erp/shipment-to-chat", "weight_kg:", "weight:"),
    // What the target requires.
    ("chat/inventory-to-erp", "      Article: .articles,\n", ""),
    ("shop/order-to-erp", "      Currency: .currency,\n", ""),
    ("shop/order-to-erp", "Totals: { Net: $net, Tax: $tax, Gross: ($net + $tax) }", "Totals: { Net: $net, Tax: $tax }"),
    ("shop/order-to-erp", "    City: .city }", "    }"),
    ("crm/lead", "      source: \"CHAT\",\n", ""),
    ("crm/lead", "        displayName: .name,\n", ""),
    ("erp/shipment-to-chat", "      complete: .[\"@complete\"],\n", ""),
    // Values whose type never fits.
    ("chat/order-status-from-erp", "quantity: .Quantity[\"#text\"]", "quantity: .Quantity"),
    ("chat/order-status-from-erp", "quantity: .Quantity[\"#text\"]", "quantity: .Quantity[\"@unit\"]"),
    ("chat/inventory-from-erp", "(.[\"@discontinued\"] // false)", "(.[\"@discontinued\"] // false | tostring)"),
    ("chat/inventory-from-erp", "as_of: .AsOf", "as_of: [.AsOf]"),
    ("chat/inventory-to-erp", "Article: .articles,", "Article: .articles[0],"),
    ("shop/order-to-erp", "(.customer.id | tostring)", ".customer.id"),
    ("shop/order-to-erp", "Quantity: { \"@unit\": \"C62\", \"#text\": .quantity }", "Quantity: .quantity"),
    ("shop/order-to-erp", "\"@unit\": \"C62\"", "\"@unit\": \"PCE\""),
    ("shop/order-to-erp", ".price | tonumber) * .quantity ])", ".price) * .quantity ])"),
    ("chat/order-status-from-erp", "order_id: .OrderNumber", "order_id: \"none\""),
    ("chat/order-status-from-erp", "promised: .PromisedDate", "promised: \"soon\""),
    ("chat/inventory-from-erp", "as_of: .AsOf", "as_of: \"today\""),
    ("shop/order-to-erp", "Currency: .currency", "Currency: \"EURO\""),
    ("crm/lead", "else \"NURTURE\" end", "else \"NURTRE\" end"),
    ("crm/lead", "marketing: .consent.marketing,", "marketing: .consent,"),
    ("crm/lead", "split(\" \")) as $names", "split(\" \")[]) as $names"),
    ("erp/shipment-to-chat", "kind: \"shipment\"", "kind: \"shipping\""),
    ("erp/shipment-to-chat", "(.Channel | table(\"channel\"))", "(.Customer | table(\"channel\"))"),
];

/// `TL307 12:9 message; hint`
fn line(found: &Diagnostic) -> String {
    let (line, column) = found.file.line_column(found.span.start);
    let text = found.file.text.get(found.span.clone()).unwrap_or_default();
    let short: String = text.lines().next().unwrap_or_default().chars().take(40).collect();
    format!(
        "{} {line}:{column} `{short}`: {}; {}",
        found.code,
        found.message,
        found.hint.as_deref().unwrap_or("no hint")
    )
}

/// The findings of each mistake in a transform, for people to read.
fn found(sources: &Sources, registry: &Registry, planted: &[(&str, &str, &str)]) -> String {
    let mut shown = String::new();
    for (name, right, wrong) in planted {
        let file = &sources.transforms[*name];
        assert!(file.text.contains(right), "{name} has no {right}");
        let file = SourceFile::new(file.path.clone(), file.text.replacen(right, wrong, 1));
        let transform = match Transform::compile(name, &file, registry) {
            Ok(transform) => transform,
            Err(wrong) => panic!("{name} with {wrong:?}"),
        };
        let found = transform.check(false);
        writeln!(shown, "{name}: {} -> {}", right.trim(), wrong.trim()).expect("writes");
        assert!(!found.is_empty(), "nothing is found: {name}: {right} -> {wrong}");
        for one in &found {
            writeln!(shown, "  {}", line(one)).expect("writes");
        }
    }
    shown
}

#[test]
fn planted_mistakes_are_found_at_their_places() {
    let sources = sources();
    let registry = Registry::new(sources.schemas.clone());
    assert!(PLANTED.len() >= 30);
    insta::assert_snapshot!(found(&sources, &registry, PLANTED));
}

#[test]
fn the_page_shows_what_the_program_prints() {
    let page = std::fs::read_to_string(root().join("docs/mappings.md")).expect("readable");
    let printed = |name: &str| {
        std::fs::read_to_string(root().join("tests/cases/check").join(name).join("expected.stderr")).expect("is a case")
    };
    for (case, begins) in [("72-mapping-path", "error[TL307]"), ("76-mapping-unsure-strict", "warning[TL311]")] {
        let block = page.split("```text\n").find(|block| block.starts_with(begins)).expect("is shown");
        let block = block.split("```").next().unwrap_or_default().trim_end();
        assert!(printed(case).contains(block), "{case} prints\n{}", printed(case));
    }
}

#[test]
fn correct_mappings_raise_no_alarm() {
    for (folder, transforms) in [(root().to_owned(), 7), (root().join("examples/canonical"), 12)] {
        let mut project = Project::load(&folder, &Environment::default());
        project.check_mappings(false);
        assert!(project.diagnostics.is_empty(), "{:#?}", project.diagnostics.iter().map(line).collect::<Vec<_>>());
        assert!(project.transforms.len() >= transforms, "{}", project.transforms.len());
        project.check_mappings(true);
        let of_routes = project.diagnostics.iter().filter(|one| !one.file.path.starts_with("transforms/"));
        assert_eq!(of_routes.map(line).collect::<Vec<_>>(), [""; 0]);
    }
}

#[test]
fn expressions_of_routes_are_followed_where_the_document_is_known() {
    let mut sources = sources();
    for (name, right, wrong) in [
        ("crm/lead-capture", "when: .consent.marketing", "when: .consent.marketting"),
        ("erp/shipment-notice", "when: .channel == \"whatsapp\"", "when: .chanel == \"whatsapp\""),
        ("shop/new-order", "shop-order: .order.number", "shop-order: .order.numbr"),
    ] {
        let file = sources.routes.get_mut(name).expect("is shipped");
        assert!(file.text.contains(right), "{name}");
        *file = SourceFile::new(file.path.clone(), file.text.replacen(right, wrong, 1));
    }
    let mut project = Project::compile(trunkline::config::Settings::default(), &sources, Vec::new());
    project.check_mappings(false);
    let shown: Vec<String> = project.diagnostics.iter().map(|one| format!("{} {}", one.file.path, line(one))).collect();
    insta::assert_snapshot!(shown.join("\n"));
}

/// Contracts of the example, and a document of each.
static DOCUMENTS: LazyLock<Vec<(Arc<Contract>, Value)>> = LazyLock::new(|| {
    let registry = Registry::new(sources().schemas);
    let read = |(contract, path): (&str, &str)| {
        let contract = registry.resolve(contract).expect("is shipped");
        let body = std::fs::read(root().join("examples/messages").join(path)).expect("readable").into();
        let document = contract.read(&body, &Limits::default()).expect("is valid");
        (contract, document)
    };
    [
        ("chat/lead", "lead.json"),
        ("chat/order-status-request", "order-status-request.json"),
        ("shop/order-event", "order-event.json"),
    ]
    .map(read)
    .into()
});

/// Changes a few places of a document: members and items go, come twice, or become something else.
fn changed(value: &Value, choices: &mut dyn Iterator<Item = u8>) -> Value {
    match (choices.next().unwrap_or(255), value) {
        (0, _) => Value::Null,
        (1, Value::String(_)) => Value::from("other"),
        (1, Value::Number(_)) => Value::from(7),
        (1, Value::Bool(truth)) => Value::Bool(!truth),
        (2, Value::Array(items)) => items.iter().skip(1).cloned().collect(),
        (3, Value::Array(items)) => items.iter().chain(items.first()).cloned().collect(),
        (_, Value::Array(items)) => items.iter().map(|item| changed(item, choices)).collect(),
        (_, Value::Object(members)) => {
            let mut kept = Members::default();
            for (key, value) in members.iter() {
                if choices.next() != Some(4) {
                    kept.insert(key.clone(), changed(value, choices));
                }
            }
            Value::object(kept)
        }
        (_, value) => value.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    /// What the checker says cannot be, no valid document has.
    #[test]
    fn every_valid_json_document_is_counted_with(choices in prop::collection::vec(0_u8..24, 0..160)) {
        for (contract, document) in DOCUMENTS.iter() {
            let document = changed(document, &mut choices.iter().copied());
            if contract.validate(&document, &Limits::default()).is_ok() {
                prop_assert!(admits(contract, &document), "{}: {document:?}", contract.reference());
            }
        }
    }
}

/// Whether each generated document of a schema is counted with; how many there were.
fn generated(file: &Path, registry: &Registry, name: &str, roots: &[(&str, &str)], documents: u64) -> usize {
    let schemas = Schemas::load(file);
    let mut seen = 0;
    for (namespace, local) in roots {
        let contract = registry.resolve(&format!("{name}#{local}")).expect("resolves");
        for seed in 0..documents {
            let element = Generator::new(&schemas, seed).document(&Name::new(namespace, local));
            let text = element.write(Style::Plain, &mut fastrand::Rng::with_seed(seed));
            let Ok(document) = contract.read(&Bytes::from(text), &Limits::default()) else { continue };
            seen += 1;
            assert!(admits(&contract, &document), "{name}#{local}, seed {seed}: {document:?}");
        }
    }
    seen
}

#[test]
fn every_generated_xml_document_is_counted_with() {
    let registry = Registry::new(sources().schemas);
    let mut seen = 0;
    for (name, namespace, root) in [
        ("order", "urn:juniper:erp:order:2", "Order"),
        ("order-status", "urn:juniper:erp:order-status:1", "OrderStatusResponse"),
        ("inventory", "urn:juniper:erp:inventory:1", "InventoryReport"),
        ("shipment", "urn:juniper:erp:shipment:1", "ShipmentNotice"),
    ] {
        let file = root_file(name);
        seen += generated(&file, &registry, &format!("erp/{name}"), &[(namespace, root)], 60);
    }
    assert!(seen > 120, "only {seen} documents were valid");
}

fn root_file(name: &str) -> std::path::PathBuf {
    root().join(format!("schemas/erp/{name}.xsd"))
}

/// UBL, where it is at hand.
fn ubl() -> Option<(std::path::PathBuf, Registry)> {
    let folder = root().join("../shared/fixtures/ubl-2.1");
    if !folder.exists() {
        eprintln!("skipped: {} is not here", folder.display());
        return None;
    }
    let directories = Directories { schemas: "xsd".to_owned(), ..Directories::default() };
    let mut ubl = Sources::read(&folder, &directories, &mut Vec::new());
    ubl.schemas.extend(sources().schemas);
    Some((folder, Registry::new(ubl.schemas)))
}

const TO_UBL: &str = r##"from: shop/order-event
to: maindoc/UBL-Order-2.1#Order
map: |
  def party: { Party: { PartyName: [ { Name: { "#text": .name } } ],
      PostalAddress: {
        StreetName: { "#text": .address1 },
        CityName: { "#text": .city },
        PostalZone: { "#text": .zip },
        Country: { IdentificationCode: { "#text": .country_code } } } } };
  . as $event
  | .order
  | { Order: {
      ID: { "#text": .number },
      IssueDate: (.placed_at | split("T") | .[0]),
      Note: [ .note // empty | { "#text": . } ],
      DocumentCurrencyCode: { "#text": .currency },
      BuyerCustomerParty: (.billing_address | party),
      SellerSupplierParty: { Party: { PartyName: [ { Name: { "#text": "Juniper" } } ] } },
      OrderLine: [ .line_items | to_entries[] | .key as $index | .value | {
        LineItem: {
          ID: { "#text": ($index + 1 | tostring) },
          Quantity: { "@unitCode": "C62", "#text": .quantity },
          LineExtensionAmount: { "@currencyID": "EUR", "#text": ((.price | tonumber) * .quantity) },
          Item: { Name: { "#text": .title }, SellersItemIdentification: { ID: { "#text": .sku } } } } } ] } }
"##;

const FROM_UBL: &str = r##"from: maindoc/UBL-Invoice-2.1#Invoice
to: chat/order-status-reply
map: |
  .Invoice
  | { order_id: .OrderReference.ID["#text"],
      status: "delivered",
      total: {
        amount: .LegalMonetaryTotal.PayableAmount["#text"],
        currency: .LegalMonetaryTotal.PayableAmount["@currencyID"] },
      lines: [ .InvoiceLine[] | {
        article: .Item.SellersItemIdentification.ID["#text"],
        text: (.Item.Name["#text"] // ""),
        quantity: (.InvoicedQuantity["#text"] // 0),
        open: 0 } ] }
"##;

const PLANTED_IN_UBL: &[(&str, &str, &str)] = &[
    ("to", "ID: { \"#text\": .number }", "Id: { \"#text\": .number }"),
    ("to", "ID: { \"#text\": .number }", "ID: .number"),
    ("to", "PostalZone:", "PostalCode:"),
    ("to", "BuyerCustomerParty:", "BuyerParty:"),
    ("to", "PartyName: [ { Name: { \"#text\": .name } } ]", "PartyName: { Name: { \"#text\": .name } }"),
    ("to", "\"@currencyID\": \"EUR\", ", ""),
    ("to", "        LineItem: {", "        Item: {"),
    ("to", ".line_items |", ".lines |"),
    ("from", ".OrderReference.ID", ".OrderRef.ID"),
    ("from", ".PayableAmount[\"#text\"]", ".PayableAmount"),
    ("from", ".PayableAmount[\"@currencyID\"]", ".PayableAmount[\"@currency\"]"),
    ("from", ".InvoiceLine[] |", ".InvoiceLines[] |"),
    ("from", ".Item.SellersItemIdentification", ".SellersItemIdentification"),
];

#[test]
fn planted_mistakes_over_ubl_are_found() {
    let Some((_, registry)) = ubl() else { return };
    let mut sources = Sources::default();
    for (name, text) in [("to", TO_UBL), ("from", FROM_UBL)] {
        let file = SourceFile::new(format!("transforms/{name}.yaml"), text);
        let right = Transform::compile(name, &file, &registry).expect("compiles").check(false);
        assert!(right.is_empty(), "{:#?}", right.iter().map(line).collect::<Vec<_>>());
        sources.transforms.insert(name.to_owned(), file);
    }
    insta::assert_snapshot!(found(&sources, &registry, PLANTED_IN_UBL));
}

#[test]
fn every_ubl_sample_is_counted_with() {
    let Some((folder, registry)) = ubl() else { return };
    let mut seen = 0;
    for (kind, sample) in [("Order", "UBL-Order-2.1-Example.xml"), ("Invoice", "UBL-Invoice-2.1-Example.xml")] {
        let contract = registry.resolve(&format!("maindoc/UBL-{kind}-2.1#{kind}")).expect("resolves");
        let Ok(text) = std::fs::read(folder.join("xml").join(sample)) else { continue };
        let document = contract.read(&text.into(), &Limits::default()).expect("is valid");
        assert!(admits(&contract, &document), "{sample}");
        seen += 1;
    }
    assert!(seen > 0, "no samples below {}", folder.display());
}
