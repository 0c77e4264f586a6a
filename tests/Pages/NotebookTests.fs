/// Every page as a notebook: valid, complete, and able to run.
module Hybrid.Tests.Pages.NotebookTests

open System
open System.IO
open System.Text.Json
open System.Text.Json.Nodes
open System.Text.RegularExpressions
open Expecto
open Hybrid.Docs
open Hybrid.Tests.Equations
open Hybrid.Tests.Pages.Runs
open NJsonSchema

/// The validator finds definitions one level deep; those of the group "misc" are lifted to it.
let private schema =
    lazy
        (let file = Path.Combine(root, "tests", "Pages", "nbformat", "nbformat.v4.5.schema.json")
         let text = (File.ReadAllText file).Replace("#/definitions/misc/", "#/definitions/misc_")
         let whole = nonNull (JsonNode.Parse text)
         let definitions = (nonNull whole["definitions"]).AsObject()

         for KeyValue(name, definition) in (nonNull definitions["misc"]).AsObject() do
             definitions[$"misc_{name}"] <- (nonNull definition).DeepClone()

         definitions.Remove "misc" |> ignore
         JsonSchema.FromJsonAsync(whole.ToJsonString()).GetAwaiter().GetResult())

let private textOf name = Map.find name (Map Scripts.pages)

/// The listing itself is another module's; here it is enough that it was asked for.
let private listing file name = Ok $"// {name} of {file}"

let private made name text =
    match Notebook.ofScript root listing name text with
    | Ok notebook -> notebook
    | Error faults -> failtestf "%A" faults

let private cells kind (notebook: string) =
    use document = JsonDocument.Parse notebook

    [
        for cell in document.RootElement.GetProperty("cells").EnumerateArray() do
            if kind = (cell.GetProperty "cell_type").GetString() then
                [ for line in cell.GetProperty("source").EnumerateArray() -> string (line.GetString()) ]
                |> String.concat ""
    ]

let private joined notebook = cells "code" notebook |> String.concat "\n\n"

let private linesOf (code: string) =
    [
        for line in code.Split '\n' do
            if not (String.IsNullOrWhiteSpace line) then
                line.TrimEnd()
    ]

/// F# interactive with the code of a notebook, which finds what it loads where the notebook belongs.
let private runCode (code: string) options =
    inTemporaryFolder (fun folder ->
        let file = Path.Combine(folder, "notebook.fsx")
        let scripts = Path.Combine(root, "scripts").Replace('\\', '/')
        File.WriteAllText(file, Regex.Replace(code, "(?m)^#load \"", $"#load \"{scripts}/"))
        runIn root [ "HYBRID_MODE", "quick"; "HYBRID_OUT", folder ] "dotnet" ([ "fsi" ] @ options @ [ file ]))

let private small =
    "(**\n---\ntitle: Small\n---\n# Small\n\n$$ y = x \\tag{TST-1} $$\n\n    [lang=text]\n    @a{b}\n\nSee [LN](transformer.html#eq-LN-3), "
    + "[notation](notation.html), [here](small.html#eq-TST-1).\n*)\n(*** hide ***)\n#load \"ensure.fsx\"\n(*** hide ***)\nlet x = \"é < 1\"\n"
    + "(** More: *)\nlet y = x\ncsharp \"Rules/Add.cs\" \"Forward\"\n(*** include-it-raw ***)\n"

[<Tests>]
let tests =
    testSequenced (
        testList
            "Pages.Notebooks"
            [
                for name, text in Scripts.pages do
                    testCase
                        $"the notebook of {name} is valid, and all code of the page stands in it in its order"
                        (fun () ->
                            let notebook = made name text
                            let faults = schema.Value.Validate notebook
                            Expect.isEmpty [ for fault in faults -> string fault ] "faults by nbformat's schema"
                            Expect.equal (linesOf (joined notebook)) (Scripts.codeOf text) "code"
                            Expect.stringContains (joined notebook) "#load \"ensure.fsx\"" "what loads the core"
                            Expect.equal (made name text) notebook "the notebook, made again"
                            use document = JsonDocument.Parse notebook

                            let ids =
                                [
                                    for cell in document.RootElement.GetProperty("cells").EnumerateArray() ->
                                        string (cell.GetProperty("id").GetString())
                                ]

                            Expect.equal (List.distinct ids) ids "ids, each once")

                testCase
                    "the schema refuses cells without ids or outputs, kernels without a name, unknown kinds"
                    (fun () ->
                        let notebook = made "small" small
                        Expect.isEmpty (schema.Value.Validate notebook) "the notebook itself"

                        for part in
                            [ "\"id\": \"cell-1\","; "\"outputs\": [],"; "\"name\": \".net-fsharp\""; "markdown" ] do
                            let damaged =
                                notebook.Replace(part, (if part.StartsWith "\"name" then "\"key\": 1" else ""))

                            Expect.notEqual damaged notebook part
                            Expect.isNonEmpty (schema.Value.Validate damaged) part)

                testCase
                    "notes keep their equations, links lead to files of the repository, C# stands behind its call"
                    (fun () ->
                        let notebook = made "small" small
                        let notes = cells "markdown" notebook

                        Expect.equal
                            notes[1..]
                            [
                                "# Small\n\n<a id=\"eq-TST-1\"></a>\n\n$$ y = x \\tag{TST-1} $$\n\n```bibtex\n@a{b}\n```\n\n"
                                + "See [LN](transformer.fsx), [notation](../docs/notation.md), [here](#eq-TST-1)."
                                "More:"
                                "`core/Rules/Add.cs`: `Forward`\n\n```csharp\n// Forward of Rules/Add.cs\n```"
                            ]
                            "notes"

                        Expect.stringContains notes[0] "scripts/" "where the notebook belongs"

                        Expect.equal
                            (cells "code" notebook)
                            [
                                "#load \"ensure.fsx\""
                                "let x = \"é < 1\""
                                "let y = x\ncsharp \"Rules/Add.cs\" \"Forward\""
                            ]
                            "code"

                        Expect.equal (Regex.Matches(notebook, "source_hidden").Count) 1 "folded cells; loads are not")

                testCase "a link that leads nowhere, an unknown command and C# that is not there are faults" (fun () ->
                    let fault listing script =
                        match Notebook.ofScript root listing "small" script with
                        | Ok _ -> failtest "no fault was found"
                        | Error faults -> String.concat " " faults

                    Expect.stringContains (fault listing "(** [x](nowhere.html) *)\n") "nowhere.html" "link"
                    Expect.stringContains (fault listing "(*** frobnicate ***)\n") "frobnicate" "command"
                    let missing _ _ = Error "core/X.cs does not exist"
                    Expect.stringContains (fault missing "csharp \"X.cs\" \"Y\"\n") "core/X.cs" "C#")

                // Their code is that of scripts which the site's build runs.
                for name in Scripts.sampleOf [ for name, _ in Scripts.pages -> name ] do
                    testCase $"the notebook of {name} has no error of types" (fun () ->
                        printfn $"The notebook of {name}, {Scripts.reason}."
                        let outcome = runCode (joined (made name (textOf name))) [ "--typecheck-only" ]
                        Expect.equal outcome.ExitCode 0 $"exit code\n{outcome.Output}{outcome.Errors}")

                testCase "the notebook of gemm runs to its end" (fun () ->
                    let outcome = runCode (joined (made "gemm" (textOf "gemm"))) []
                    Expect.equal outcome.ExitCode 0 $"exit code\n{outcome.Output}{outcome.Errors}"
                    Expect.stringContains outcome.Output "exact checks hold" "the last line of a page")
            ]
    )
