//! The program on XML: validation, conversion, transforms.

use super::cli::{example, read};
use super::program::trunkline;

#[test]
fn validates_xml_from_files_and_stdin() {
    let contract = "erp/shipment#ShipmentNotice";
    let out = trunkline().args(["validate", contract]).arg(example("shipment-notice.xml")).run();
    assert_eq!((out.code, out.stdout.as_str()), (0, ""), "{out:?}");
    let out = trunkline().args(["validate", contract, "-"]).input("<ShipmentNotice>").run();
    assert_eq!(out.code, 1, "{out:?}");
    assert!(out.stderr.starts_with("<stdin>:1:"), "{out:?}");
}

#[test]
fn converts_both_ways() {
    let contract = "erp/shipment#ShipmentNotice";
    let json = trunkline().args(["convert", contract]).arg(example("shipment-notice.xml")).run();
    assert_eq!((json.code, json.stderr.as_str()), (0, ""), "{json:?}");
    assert!(json.stdout.starts_with("{\"ShipmentNotice\":"), "{json:?}");
    let xml = trunkline().args(["convert", contract, "-"]).input(json.stdout.clone()).run();
    assert_eq!((xml.code, xml.stderr.as_str()), (0, ""), "{xml:?}");
    let again = trunkline().args(["convert", contract, "-", "--from", "xml"]).input(xml.stdout).run();
    assert_eq!(again.stdout, json.stdout);

    let out = trunkline().args(["convert", contract, "-"]).input("{\"Nothing\": 1}").run();
    assert_eq!((out.code, out.stdout.as_str()), (1, ""), "{out:?}");
    let out = trunkline().args(["convert", "chat/lead", "-"]).input("{}").run();
    assert_eq!(out.code, 2, "{out:?}");
    assert!(out.stderr.contains("name an XSD"), "{out:?}");
}

#[test]
fn transforms_a_document() {
    let transform = || trunkline().args(["transform", "chat/order-status-to-erp"]);
    let out = transform().arg(example("order-status-request.json")).run();
    assert_eq!((out.code, out.stderr.as_str()), (0, ""), "{out:?}");
    assert!(out.stdout.contains("OrderStatusRequest"), "{out:?}");
    let out = transform().arg("-").input(read("order-status-request.json")).run();
    assert_eq!(out.code, 0, "{out:?}");
    let out = transform().arg("-").input("{}").run();
    assert_eq!((out.code, out.stdout.as_str()), (1, ""), "{out:?}");
}

#[test]
fn a_schema_outside_a_project_finds_what_it_includes() {
    let folder = tempfile::tempdir().expect("makes a folder");
    std::fs::create_dir(folder.path().join("orders")).expect("makes a folder");
    let xsd = |inner: &str| format!("<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'>{inner}</xs:schema>");
    let write = |path: &str, text: String| {
        let path = folder.path().join(path);
        std::fs::write(&path, text).expect("writes");
        path
    };
    write("common.xsd", xsd("<xs:simpleType name='No'><xs:restriction base='xs:int'/></xs:simpleType>"));
    let order = xsd("<xs:include schemaLocation='../common.xsd'/><xs:element name='No' type='No'/>");
    let order = write("orders/order.xsd", order);
    let out = trunkline().arg("validate").arg(&order).arg("-").input("<No>7</No>").run();
    assert_eq!(out.code, 0, "{out:?}");
    let out = trunkline().arg("validate").arg(&order).arg("-").input("<No>seven</No>").run();
    assert_eq!(out.code, 1, "{out:?}");
    let broken = write("orders/broken.xsd", xsd("<xs:element name='a' type='xs:strnig'/>"));
    let out = trunkline().arg("validate").arg(&broken).run();
    assert_eq!(out.code, 2, "{out:?}");
    assert!(out.stderr.contains("did you mean `string`?"), "{out:?}");
}

#[test]
fn converts_without_a_contract() {
    let convert = |input: &str| trunkline().args(["convert", "--no-contract", "-"]).input(input).run();
    let out = convert("<a k='1'>x</a>");
    let expected = r#"{"name":"a","ns":"","attributes":[{"name":"k","ns":"","value":"1"}],"children":["x"]}"#;
    assert_eq!((out.code, out.stdout.trim_end()), (0, expected), "{out:?}");
    let out = convert("{\"a\": 1.10}");
    assert!(out.code == 0 && out.stdout.contains("<number key=\"a\">1.10</number>"), "{out:?}");
    assert_eq!(convert("<a>").code, 1);
    assert_eq!(convert("{\"a\": 1, \"a\": 2}").code, 1);
    let out = trunkline().args(["convert", "--no-contract"]).arg(example("lead.json")).run();
    assert_eq!(out.code, 0, "{out:?}");
    assert_eq!(trunkline().arg("convert").run().code, 2);
    assert_eq!(trunkline().args(["convert", "--no-contract", "erp/order", "-"]).run().code, 2);
}

#[test]
fn derives_a_json_schema() {
    let out = trunkline().args(["contract", "json-schema", "erp/order-status#OrderStatusResponse"]).run();
    assert_eq!(out.code, 0, "{out:?}");
    let schema: serde_json::Value = serde_json::from_str(&out.stdout).expect("JSON");
    assert_eq!(schema["title"], "erp/order-status#OrderStatusResponse");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("derived.json");
    std::fs::write(&path, &out.stdout).expect("written");
    let response = example("order-status-response.xml");
    let json = trunkline().args(["convert", "erp/order-status#OrderStatusResponse"]).arg(response).run();
    let out = trunkline().arg("validate").arg(&path).arg("-").input(json.stdout).run();
    assert_eq!(out.code, 0, "{out:?}");
    let out = trunkline().args(["contract", "json-schema", "chat/lead"]).run();
    assert_eq!(out.code, 2, "{out:?}");
}
