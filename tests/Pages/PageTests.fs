/// Pages as a reader runs them.
module Hybrid.Tests.Pages.PageTests

open System
open System.IO
open System.Text.Json
open Expecto
open Hybrid.Checkpoints
open Hybrid.Tests.Checkpoints
open Hybrid.Tests.Pages.Runs

let private text (element: JsonElement) (name: string) = element.GetProperty(name).ToString()

let private expectOptionsListed (outcome: Outcome) =
    let said = outcome.Output + outcome.Errors

    for option in [ "--quick"; "--seed"; "--out"; "--help" ] do
        Expect.stringContains said option "the options there are"

let private expectHelp name =
    testCase $"{name} --help ends with code 0, lists the options and runs nothing" (fun () ->
        inTemporaryFolder (fun out ->
            let outcome = runPage name [ "--help" ] out
            Expect.equal outcome.ExitCode 0 $"exit code\n{outcome.Errors}"
            expectOptionsListed outcome
            Expect.isEmpty (Directory.GetFileSystemEntries out) "nothing ran"))

let private expectRefused name (options: string list) fragment =
    testCase $"""{name} refuses {String.Join(" ", options)}, and lists what there is""" (fun () ->
        inTemporaryFolder (fun out ->
            let outcome = runPage name options out
            Expect.notEqual outcome.ExitCode 0 "exit code"
            Expect.stringContains (outcome.Output + outcome.Errors) fragment "cause"
            expectOptionsListed outcome
            Expect.isEmpty (Directory.GetFiles(out, "*.end.json")) "nothing ran"))

/// A folder with the reader's own data that cannot be used is refused before anything runs.
let private expectCorpusRefused name cause (prepare: string -> unit) fragments =
    testCase $"{name} refuses at once {cause}" (fun () ->
        inTemporaryFolder (fun out ->
            inTemporaryFolder (fun corpus ->
                prepare corpus
                let outcome = runPage name [ "--quick"; "--corpus"; corpus ] out
                Expect.equal outcome.ExitCode 1 "exit code"

                for fragment in fragments do
                    Expect.stringContains outcome.Errors fragment "remedy"

                Expect.isEmpty (Directory.GetFiles(out, "*.html")) "nothing ran")))

/// Files as MNIST has them, of random images, ten classes.
let private writeImages folder height width =
    let random = Random 1
    let size (number: int) = [| 0uy; 0uy; byte (number / 256); byte number |]

    let write name (parts: byte[] list) = File.WriteAllBytes(Path.Combine(folder, name), Array.concat parts)

    for part, count in [ "train", 160; "t10k", 40 ] do
        let pixels = Array.zeroCreate (count * height * width)
        random.NextBytes pixels
        write $"{part}-images-idx3-ubyte" [ [| 0uy; 0uy; 8uy; 3uy |]; size count; size height; size width; pixels ]

        write
            $"{part}-labels-idx1-ubyte"
            [ [| 0uy; 0uy; 8uy; 1uy |]; size count; Array.init count (fun i -> byte (i % 10)) ]

/// Sequenced: the pages build core where it is out of date, which two of them must not do at once.
[<Tests>]
let tests =
    testSequenced (
        testList
            "Pages"
            [
                testCase
                    "a quick run of the Transformer ends with code 0 and an end mark that says every exact check held"
                    (fun () ->
                        inTemporaryFolder (fun out ->
                            let weights = Path.Combine(out, "weights.safetensors")
                            let outcome = runPage "transformer" [ "--quick"; "--save"; weights ] out
                            Expect.equal outcome.ExitCode 0 $"exit code\n{outcome.Errors}"
                            let saved = TransformerFile.Load<float32> weights
                            Expect.contains saved.Source.Tokens "z" "letters in the saved file"
                            use mark = JsonDocument.Parse(File.ReadAllText(Path.Combine(out, "transformer.end.json")))
                            Expect.equal (text mark.RootElement "page") "transformer" "page"
                            Expect.equal (text mark.RootElement "mode") "quick" "mode"
                            let checks = mark.RootElement.GetProperty("checks").EnumerateArray() |> Seq.toList
                            Expect.isNonEmpty checks "checks"

                            for check in checks do
                                Expect.isTrue (check.GetProperty("passed").GetBoolean()) (text check "name")))

                expectHelp "transformer"
                expectRefused "transformer" [ "--nonsense" ] "--nonsense"
                expectRefused "transformer" [ "--seed"; "x" ] "--seed"
                expectRefused "transformer" [ "--steps"; "0" ] "--steps"
                expectRefused "transformer" [ "--steps"; "-3" ] "--steps"
                expectRefused "transformer" [ "--weights"; "x" ] "--weights"

                for name in [ "translation"; "variations" ] do
                    expectHelp name
                    expectRefused name [ "--save"; "x" ] "--save"

                expectHelp "activations"
                expectRefused "activations" [ "--nonsense" ] "--nonsense"
                expectRefused "activations" [ "--steps"; "5" ] "--steps"

                testCase "translation reads a corpus of two files, one of them compressed" (fun () ->
                    inTemporaryFolder (fun out ->
                        inTemporaryFolder (fun corpus ->
                            // Every third part of twelve nouns and six verbs.
                            let sentences =
                                [
                                    for noun in
                                        [
                                            "hund"
                                            "mann"
                                            "baum"
                                            "tag"
                                            "weg"
                                            "ball"
                                            "tisch"
                                            "stuhl"
                                            "arm"
                                            "see"
                                            "wal"
                                            "zug"
                                        ] do
                                        for verb in [ "geht"; "steht"; "sieht"; "kommt"; "ruht"; "endet" ] ->
                                            $"der {noun} {verb} .", $"the {noun}s {verb}s ."
                                ]

                            for index, part in [ 0, "train"; 1, "valid"; 2, "test" ] do
                                let chosen =
                                    [
                                        for i, pair in List.indexed sentences do
                                            if i % 3 = index then
                                                pair
                                    ]

                                File.WriteAllLines(Path.Combine(corpus, part + ".de"), List.map fst chosen)

                                String.Join("\n", List.map snd chosen)
                                |> Text.Encoding.UTF8.GetBytes
                                |> Files.gzip
                                |> fun bytes -> File.WriteAllBytes(Path.Combine(corpus, part + ".en.gz"), bytes)

                            let outcome = runPage "translation" [ "--quick"; "--steps"; "4"; "--corpus"; corpus ] out
                            Expect.equal outcome.ExitCode 0 $"exit code\n{outcome.Errors}"
                            Expect.stringContains outcome.Output "24 of 24 pairs" "pairs")))

                testCase "translation refuses a corpus with a part that is missing, and says what it needs" (fun () ->
                    inTemporaryFolder (fun out ->
                        inTemporaryFolder (fun corpus ->
                            let outcome = runPage "translation" [ "--quick"; "--corpus"; corpus ] out
                            Expect.equal outcome.ExitCode 1 "exit code"
                            Expect.stringContains outcome.Errors "holds 0 files 'train.*'" "cause"
                            Expect.stringContains outcome.Errors "train.de" "remedy")))

                expectHelp "resnet"
                expectRefused "resnet" [ "--nonsense" ] "--nonsense"
                expectRefused "resnet" [ "--steps"; "5" ] "--steps"
                expectRefused "resnet" [ "--full" ] "no full run"

                testCase "resnet learns images in CIFAR-10's format, and keeps the model that it trained" (fun () ->
                    inTemporaryFolder (fun out ->
                        inTemporaryFolder (fun corpus ->
                            let random = Random 1

                            for name, count in [ "data_batch_1.bin", 70; "test_batch.bin", 20 ] do
                                let records =
                                    [|
                                        for i in 1..count do
                                            let image = Array.zeroCreate 3072
                                            random.NextBytes image
                                            byte (i % 10)
                                            yield! image
                                    |]

                                File.WriteAllBytes(Path.Combine(corpus, name), records)

                            let weights = Path.Combine(out, "resnet.safetensors")
                            let outcome = runPage "resnet" [ "--quick"; "--corpus"; corpus; "--save"; weights ] out
                            Expect.equal outcome.ExitCode 0 $"exit code\n{outcome.Errors}"
                            Expect.stringContains outcome.Output "of 20 are wrong" "the images it was tested on"

                            match ClassifierFile.Load<float32> weights with
                            | :? Hybrid.Models.ResNet<float32> as saved ->
                                Expect.equal saved.Settings.Channels 3 "channels of the saved model"
                            | other -> failtestf "the file holds a %s" (other.GetType().Name))))

                expectCorpusRefused
                    "resnet"
                    "a folder without images, and says what it needs"
                    ignore
                    [ "train-images-idx3-ubyte"; "data_batch_1.bin" ]

                expectHelp "gan"
                expectRefused "gan" [ "--nonsense" ] "--nonsense"
                expectRefused "gan" [ "--steps"; "5" ] "--steps"
                expectRefused "gan" [ "--full" ] "no full run"

                testCase "gan learns images of the reader's, and keeps the generator that it trained" (fun () ->
                    inTemporaryFolder (fun out ->
                        inTemporaryFolder (fun corpus ->
                            writeImages corpus 12 8
                            let weights = Path.Combine(out, "generator.safetensors")
                            let outcome = runPage "gan" [ "--quick"; "--corpus"; corpus; "--save"; weights ] out
                            Expect.equal outcome.ExitCode 0 $"exit code\n{outcome.Errors}"

                            match GeneratorFile.Load<float32> weights with
                            | :? Hybrid.Models.DcganGenerator<float32> as saved ->
                                Expect.equal
                                    (saved.Settings.Height, saved.Settings.Width)
                                    (12, 8)
                                    "size of its images"
                            | other -> failtestf "the file holds a %s" (other.GetType().Name))))

                expectCorpusRefused
                    "gan"
                    "images that cannot be halved twice"
                    (fun corpus -> writeImages corpus 10 8)
                    [ "multiples of 4" ]

                expectCorpusRefused
                    "gan"
                    "a folder without images, and says what it needs"
                    ignore
                    [ "train-images-idx3-ubyte" ]

                testCase "transformer refuses at once, in one line, to save where there is no folder" (fun () ->
                    inTemporaryFolder (fun out ->
                        let file = Path.Combine(out, "none", "model.safetensors")
                        let outcome = runPage "transformer" [ "--save"; file ] out
                        Expect.equal outcome.ExitCode 1 "exit code"
                        Expect.stringContains outcome.Errors "there is no folder" "cause"
                        Expect.equal (outcome.Errors.Trim().Split('\n').Length) 1 "lines"
                        Expect.isEmpty (Directory.GetFileSystemEntries out) "nothing ran"))

                expectHelp "gemm"
                expectRefused "gemm" [ "--nonsense" ] "--nonsense"
                expectRefused "gemm" [ "--steps"; "5" ] "--steps"
                expectRefused "gemm" [ "--save"; "x" ] "--save"
                expectRefused "gemm" [ "--resume" ] "--resume"
            ]
    )
