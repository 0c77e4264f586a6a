/// What pages can be asked for, in process: for every list of extras that a script begins with.
module Hybrid.Tests.Pages.OptionTests

open System
open System.IO
open System.Text.RegularExpressions
open Expecto
open Microsoft.FSharp.Reflection
open Hybrid.Scripts
open Hybrid.Tests.Checkpoints
open Hybrid.Tests.Pages.Refusals

let private every: Extra list =
    [ for case in FSharpType.GetUnionCases typeof<Extra> -> unbox<Extra>(FSharpValue.MakeUnion(case, [||])) ]

let private beginning = Regex @"(?m)^let page =\s+Page\.start\s+""([^""]+)""\s+\[([^\]]*)\]"

/// Each script that begins as a page, with the name and the extras that it gives.
let private beginnings =
    [
        for script, text in Scripts.all do
            for found in beginning.Matches text do
                let names =
                    found.Groups[2]
                        .Value.Split(';', StringSplitOptions.TrimEntries ||| StringSplitOptions.RemoveEmptyEntries)

                let extras = [ for name in names -> List.find (fun extra -> $"Extra.{extra}" = name) every ]
                script, found.Groups[1].Value, extras
    ]

/// Every list of extras, with the scripts that have it; the empty one is that of a page that has just been begun.
let private lists =
    [
        for extras, scripts in (("a new page", "", []) :: beginnings) |> List.groupBy (fun (_, _, extras) -> extras) do
            String.Join(", ", [ for script, _, _ in scripts -> script ]), extras
    ]

/// A way to ask for something, with the files that a reader may name.
type private Use =
    {
        Option: string
        /// What a page must have beyond the options of all, if anything.
        Extra: Extra option
        /// What stands behind it: right, and the page that it makes.
        Right: string -> string list
        IsTaken: string -> Page -> bool
        /// What is wrong behind it, and what is said of that.
        Wrong: (string list * string) list
    }

let private file folder = Path.Combine(folder, "weights.safetensors")

let private uses =
    let always _ = []
    let common = { Option = ""; Extra = None; Right = always; IsTaken = (fun _ _ -> true); Wrong = [] }

    [
        { common with Option = "--quick"; IsTaken = fun _ page -> page.IsQuick }
        { common with
            Option = "--seed"
            Right = fun _ -> [ "7" ]
            IsTaken = fun _ page -> page.Seed = 7UL
            Wrong = [ [ "x" ], "a whole number, 0 or more"; [ "-1" ], "a whole number, 0 or more"; [], "--seed" ]
        }
        { common with
            Option = "--out"
            Right = fun folder -> [ Path.Combine(folder, "own") ]
            IsTaken = fun folder page -> page.Out = Path.Combine(folder, "own")
        }
        { common with Option = "--open"; IsTaken = fun _ page -> page.OpensPlots }
        { common with
            Option = "--full"
            Extra = Some Extra.Full
            IsTaken = fun _ page -> page.Mode = Mode.Full
            Wrong = [ [ "--quick" ], "exclude each other" ]
        }
        { common with
            Option = "--steps"
            Extra = Some Extra.Steps
            Right = fun _ -> [ "5" ]
            IsTaken = fun _ page -> page.Steps(quick = 1, standard = 2) = 5
            Wrong = [ [ "0" ], "1 or more"; [ "-3" ], "1 or more"; [ "x" ], "a whole number" ]
        }
        { common with Option = "--resume"; Extra = Some Extra.Resume; IsTaken = fun _ page -> page.Resumes }
        { common with
            Option = "--save-every"
            Extra = Some Extra.Resume
            Right = fun _ -> [ "2.5" ]
            IsTaken = fun _ page -> page.SaveEvery = TimeSpan.FromSeconds 2.5
            Wrong =
                [
                    [ "-1" ], "from 0 to 86400"
                    [ "1e9" ], "from 0 to 86400"
                    [ "NaN" ], "from 0 to 86400"
                    [ "x" ], "a number of seconds"
                ]
        }
        { common with
            Option = "--check-finite"
            Extra = Some Extra.CheckFinite
            IsTaken = fun _ page -> page.ChecksFinite
        }
        { common with
            Option = "--save"
            Extra = Some Extra.Save
            Right = fun folder -> [ file folder + ".new" ]
            IsTaken = fun folder page -> page.SaveTo = Some(file folder + ".new")
            Wrong = [ [ "none/model.safetensors" ], "there is no folder"; [ "." ], "is a folder" ]
        }
        { common with
            Option = "--weights"
            Extra = Some Extra.Weights
            Right = fun folder -> [ file folder ]
            IsTaken = fun folder page -> page.Weights = Some(file folder)
            Wrong = [ [ "none.safetensors" ], "there is no file" ]
        }
        { common with
            Option = "--device"
            Extra = Some Extra.Device
            Right = fun _ -> [ "cuda" ]
            IsTaken = fun _ page -> page.Device = "cuda"
            Wrong = [ [ "tpu" ], "cpu or cuda" ]
        }
        { common with
            Option = "--corpus"
            Extra = Some Extra.Corpus
            Right = fun folder -> [ folder ]
            IsTaken = fun folder page -> page.Corpus = Some folder
            Wrong = [ [ "none" ], "there is no folder" ]
        }
    ]

/// With the environment's variables as given; the tests may have been started with others.
let private withVariables (variables: (string * string) list) (action: unit -> 'R) =
    let names = [ "HYBRID_MODE"; "HYBRID_SEED"; "HYBRID_OUT" ]
    let before = [ for name in names -> name, Environment.GetEnvironmentVariable name ]

    try
        for name in names do
            Environment.SetEnvironmentVariable(name, Map.tryFind name (Map variables) |> Option.toObj)

        action ()
    finally
        for name, value in before do
            Environment.SetEnvironmentVariable(name, value)

let private read extras options = withVariables [] (fun () -> Page.read (Array.ofList options) "name" extras)

let private expectRefused extras options fragment =
    let said = refusalOf (fun () -> read extras options)
    let text = String.concat " " options
    Expect.stringContains said fragment $"cause, of {text}"
    said

/// Refused with the list of the options that there are.
let private expectRejected extras options fragment =
    let said = expectRefused extras options fragment
    Expect.stringContains said (Page.usage "name" extras) "the options there are"

let private has extras usage =
    match usage.Extra with
    | None -> true
    | Some extra -> List.contains extra extras

let private expectListed extras =
    Expect.isNone (read extras [ "--help" ]) "a run"

    let listed =
        [ for found in Regex.Matches(Page.usage "name" extras, @"(?m)^  (--[\w-]+)") -> found.Groups[1].Value ]

    let expected =
        "--help"
        :: [
            for usage in uses do
                if has extras usage then
                    usage.Option
        ]

    Expect.equal (List.sort listed) (List.sort expected) "options"

let private expectTaken extras =
    Files.withFolder (fun folder ->
        File.WriteAllText(file folder, "")

        for usage in uses do
            if has extras usage then
                let page = (read extras (usage.Option :: usage.Right folder)).Value
                Expect.isTrue (usage.IsTaken folder page) $"{usage.Option} is taken: %A{page}"
                let without = (read extras []).Value
                Expect.isFalse (usage.IsTaken folder without) $"{usage.Option} is not there unless asked for"
                let twice = usage.Option :: usage.Right folder
                expectRejected extras (twice @ twice) usage.Option
                Expect.equal (Directory.GetFileSystemEntries folder) [| file folder |] "nothing is left behind")

let private expectWrongRefused extras =
    expectRejected extras [ "--nonsense" ] "--nonsense"
    expectRejected extras [ "nonsense" ] "nonsense"

    for usage in uses do
        if has extras usage then
            for wrong, fragment in usage.Wrong do
                expectRefused extras (usage.Option :: wrong) fragment |> ignore
        else
            // No such folder: what a page has not is refused before what is wrong with it.
            expectRejected
                extras
                (usage.Option :: usage.Right "none")
                (if usage.Option = "--full" then "no full run" else usage.Option)

/// Sequenced: they change the environment, and where errors go.
[<Tests>]
let tests =
    testSequenced (
        testList
            "Pages.Options"
            [
                testCase "every page and twin begins under its own name, in a way that is found here"
                <| fun _ ->
                    for script, name, _ in beginnings do
                        Expect.equal name script "name"

                    let twins =
                        [
                            for name, text in Scripts.all do
                                if Scripts.isTwin name && text.Contains "Page.start" then
                                    name
                        ]

                    let expected = [ for name, _ in Scripts.pages -> name ] @ twins
                    let found = [ for script, _, _ in beginnings -> script ]
                    Expect.equal (List.sort found) (List.sort expected) "scripts that begin"
                    Expect.isNonEmpty twins "twins"

                testCase "a page reads its options before anything else"
                <| fun _ ->
                    for name, text in Scripts.all do
                        if beginning.IsMatch text then
                            let before = text.Substring(0, (beginning.Match text).Index)

                            for line in Scripts.codeOf before do
                                Expect.isTrue (Regex.IsMatch(line, @"^(#load|#r|#nowarn|open|//)")) $"{name}: {line}"

                testCase "every extra has an option here"
                <| fun _ ->
                    let covered =
                        [
                            for usage in uses do
                                yield! Option.toList usage.Extra
                        ]

                    Expect.equal (List.sort (List.distinct covered)) (List.sort every) "extras"

                for scripts, extras in lists do
                    testCase $"{scripts}: --help lists what there is, and nothing else" <| fun _ -> expectListed extras
                    testCase $"{scripts}: every option that there is reaches the page" <| fun _ -> expectTaken extras
                    testCase $"{scripts}: wrong options are refused" <| fun _ -> expectWrongRefused extras

                testCase "what cannot be saved is refused in one line"
                <| fun _ ->
                    Files.withFolder (fun folder ->
                        let said =
                            expectRefused
                                [ Extra.Save ]
                                [ "--save"; Path.Combine(folder, "none", "x") ]
                                "there is no folder"

                        Expect.equal (said.Split '\n').Length 1 "lines"
                        Expect.isEmpty (Directory.GetFileSystemEntries folder) "what was made")

                testCase "a page is refused a folder that cannot be written to, in one line"
                <| fun _ ->
                    Files.withFolder (fun folder ->
                        let file = Path.Combine(folder, "file")
                        File.WriteAllText(file, "")
                        let page = (read [] [ "--out"; Path.Combine(file, "below") ]).Value
                        let said = refusalOf (fun () -> Page.enter page)
                        Expect.stringContains said "cannot write to" "cause"
                        Expect.stringContains said "--out DIR" "remedy"
                        Expect.equal (said.Split '\n').Length 1 "lines")

                testCase "the environment says what the options leave open, and they go before it"
                <| fun _ ->
                    let page extras variables options =
                        withVariables variables (fun () -> (Page.read options "name" extras).Value)

                    for value, extras, mode in
                        [
                            "quick", [], Mode.Quick
                            "standard", [], Mode.Standard
                            "full", [ Extra.Full ], Mode.Full
                            // It asks all pages, also those that have no full run.
                            "full", [], Mode.Standard
                        ] do
                        Expect.equal (page extras [ "HYBRID_MODE", value ] [||]).Mode mode $"mode {value} with {extras}"

                    Expect.equal (page [] [ "HYBRID_MODE", "standard" ] [| "--quick" |]).Mode Mode.Quick "--quick"
                    Expect.equal (page [] [ "HYBRID_SEED", "9" ] [||]).Seed 9UL "seed"
                    Expect.equal (page [] [ "HYBRID_SEED", "9" ] [| "--seed"; "3" |]).Seed 3UL "--seed"
                    Expect.equal (page [] [] [||]).Seed 1UL "seed that nobody gave"
                    Expect.equal (page [] [ "HYBRID_OUT", "a" ] [||]).Out (Path.GetFullPath "a") "folder"
                    Expect.equal (page [] [ "HYBRID_OUT", "a" ] [| "--out"; "b" |]).Out (Path.GetFullPath "b") "--out"

                    for name, value in [ "HYBRID_MODE", "slow"; "HYBRID_SEED", "x" ] do
                        Expect.stringContains (refusalOf (fun () -> page [] [ name, value ] [||])) name "cause"
            ]
    )
