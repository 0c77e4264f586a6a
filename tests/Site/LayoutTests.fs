/// What the site's build makes of printed lines, tables, and the two columns of a page.
module Hybrid.Tests.Site.LayoutTests

open Expecto
open Hybrid.Docs

let private texts selector (document: AngleSharp.Dom.IDocument) =
    [ for element in document.QuerySelectorAll selector -> element.TextContent ]

let private table cells =
    let cell name text = $"<{name}>{text}</{name}>"
    let row name cells = cells |> List.map (cell name) |> String.concat "" |> cell "tr"
    let head = cells |> List.head |> List.map (fun _ -> "x") |> row "th" |> cell "thead"
    let body = cells |> List.map (row "td") |> String.concat "" |> cell "tbody"
    let document = Site.parse $"<table class=\"results\">{head}{body}</table>"
    Boxes.wrap document
    document

let tests =
    testList
        "layout"
        [
            testCase "each printed line is an element, and the text stays in lines"
            <| fun () ->
                let document =
                    Site.parse
                        "<pre class=\"output\">ok     holds                   a fact\nok     -1.0e-16 &lt;= 1.0e-12     a = <a>b</a>\n\n  note</pre>"

                Code.mark document

                Expect.equal
                    (texts ".line" document)
                    [ "ok  holds                a fact\n"; "ok  -1.0e-16 <= 1.0e-12  a = b\n"; "\n"; "  note\n" ]
                    "lines"

                Expect.hasLength (texts ".line.check > .passed" document) 2 "checks"
                Expect.equal ((document.QuerySelector "pre").GetAttribute "style") "--told:19ch" "the widest"

            testCase "facts alone need no room for numbers"
            <| fun () ->
                let document = Site.parse "<pre class=\"output\">ok     holds                   a fact</pre>"
                Code.mark document
                Expect.equal (texts ".line" document) [ "ok  holds  a fact\n" ] "the line"

            testCase "short code in text stays whole, long code and code in tables may break"
            <| fun () ->
                let document =
                    Site.parse
                        "<p><code>-- --corpus DIR</code> <code>word</code> <code>dotnet fsi scripts/transformer.fsx</code></p><table><tr><td><p><code>--a b</code></p></td></tr></table>"

                Code.keepWhole document
                Expect.equal (texts ".whole" document) [ "-- --corpus DIR" ] "whole"

            testCase "a column of numbers with a few words is flush right"
            <| fun () ->
                let rows = [ [ "a"; "Infinity"; "one" ]; [ "b"; "2.662E+04"; "2" ]; [ "c"; "none"; "three" ] ]
                let found = texts "td.number" (table rows)
                Expect.equal found [ "Infinity"; "2.662E+04"; "none" ] "numbers"

            testCase "numbers do not break, and have the sign of mathematics"
            <| fun () ->
                let rows =
                    [
                        [
                            "PReLU, a = 0.25"
                            "0.26 M, 174 µs"
                            "1.0e-05"
                            "-0.1 ± 0.2"
                            "ResNet-20 is 1-2 at 3 a"
                            "-Infinity"
                        ]
                    ]

                Expect.equal
                    (texts "td" (table rows))
                    [
                        "PReLU, a\u00a0=\u00a00.25"
                        "0.26\u00a0M, 174\u00a0µs"
                        "1.0e−05"
                        "−0.1\u00a0±\u00a00.2"
                        "ResNet-20 is 1-2 at 3 a"
                        "−Infinity"
                    ]
                    "cells"

                Expect.hasLength (texts "table.many" (table rows)) 1 "six columns are many"

            testCase "a solution has a row of its own below the code of its exercise"
            <| fun () ->
                let document =
                    Site.parse
                        "<p>1</p><pre>a</pre><details>s1</details><p>2</p><pre>b</pre><p>3</p><details>s3</details><p>4</p><pre>c</pre>"

                Rows.pair document
                Expect.equal (texts ".row" document) [ "1a"; "s1"; "2b"; "3s3"; "4c" ] "rows"
        ]
