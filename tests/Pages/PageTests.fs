/// Pages as a reader runs them: what only a process of its own shows. What options mean is tested in process, in OptionTests.fs.
module Hybrid.Tests.Pages.PageTests

open System
open System.IO
open Expecto
open Hybrid.Checkpoints
open Hybrid.Scripts
open Hybrid.Tests.Checkpoints
open Hybrid.Tests.Pages.Images
open Hybrid.Tests.Pages.Runs

let private expectHelp name =
    inTemporaryFolder (fun out ->
        let outcome = runPage name [ "--help" ] out
        Expect.equal outcome.ExitCode 0 $"exit code\n{outcome.Errors}"

        for option in [ "--quick"; "--seed"; "--out"; "--help" ] do
            Expect.stringContains outcome.Output option "the options there are"

        Expect.isEmpty (Directory.GetFileSystemEntries out) "nothing ran")

let private expectRefused name =
    inTemporaryFolder (fun out ->
        let outcome = runPage name [ "--nonsense" ] out
        Expect.equal outcome.ExitCode 1 "exit code"
        Expect.stringContains outcome.Errors "--nonsense" "cause"
        Expect.stringContains outcome.Errors "--quick" "the options there are"
        Expect.equal outcome.Output "" "what else is said"
        Expect.isEmpty (Directory.GetFileSystemEntries out) "nothing ran")

/// A folder with the reader's own data that cannot be used is refused before anything runs.
let private expectCorpusRefused name (prepare: string -> unit) fragments =
    inTemporaryFolder (fun out ->
        inTemporaryFolder (fun corpus ->
            prepare corpus
            let outcome = runPage name [ "--quick"; "--corpus"; corpus ] out
            Expect.equal outcome.ExitCode 1 "exit code"

            for fragment in fragments do
                Expect.stringContains outcome.Errors fragment "cause and remedy"

            Expect.isEmpty (Directory.GetFiles(out, "*.html")) "nothing ran"))

/// A quick run with data of the reader's, and what it keeps.
let private expectLearned name options prepare (check: string -> Outcome -> unit) =
    inTemporaryFolder (fun out ->
        inTemporaryFolder (fun corpus ->
            prepare corpus
            let weights = Path.Combine(out, "weights.safetensors")
            let outcome = runPage name ("--quick" :: options corpus weights) out
            Expect.equal outcome.ExitCode 0 $"exit code\n{outcome.Errors}"
            check weights outcome))

/// Every third part of twelve nouns and six verbs, in two files, one of them compressed.
let private writeSentences corpus =
    let sentences =
        [
            for noun in "hund mann baum tag weg ball tisch stuhl arm see wal zug".Split ' ' do
                for verb in "geht steht sieht kommt ruht endet".Split ' ' ->
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

/// What each page does with files that a reader names, and which it refuses. The data and the models are the pages' own.
let private ownFiles =
    [
        "transformer",
        "keeps the model that it trained",
        fun () ->
            expectLearned "transformer" (fun _ weights -> [ "--save"; weights ]) ignore (fun weights _ ->
                let saved = ModelFile.LoadAll<Hybrid.Models.Transformer<float32>> weights
                Expect.contains (saved.Vocabulary "sourceTokens").Tokens "z" "letters in the saved file")

        "translation",
        "reads a corpus of two files, one of them compressed, and refuses one with a part that is missing",
        fun () ->
            expectLearned
                "translation"
                (fun corpus _ -> [ "--steps"; "4"; "--corpus"; corpus ])
                writeSentences
                (fun _ outcome -> Expect.stringContains outcome.Output "24 of 24 pairs" "pairs")

            expectCorpusRefused "translation" ignore [ "holds 0 files 'train.*'"; "train.de" ]

        "resnet",
        "learns images in CIFAR-10's format, keeps the model that it trained, and refuses a folder without images",
        fun () ->
            expectLearned
                "resnet"
                (fun corpus weights -> [ "--corpus"; corpus; "--save"; weights ])
                (fun corpus -> writeCifar corpus 70 20)
                (fun weights outcome ->
                    Expect.stringContains outcome.Output "of 20 are wrong" "the images it was tested on"

                    match ModelFile.Load<Hybrid.Models.IClassifier<float32>> weights with
                    | :? Hybrid.Models.ResNet<float32> as saved ->
                        Expect.equal saved.Settings.Channels 3 "channels of the saved model"
                    | other -> failtestf "the file holds a %s" (other.GetType().Name))

            expectCorpusRefused "resnet" ignore [ "train-images-idx3-ubyte"; "data_batch_1.bin" ]

        "gan",
        "learns images of the reader's, keeps the generator that it trained, and refuses images that cannot be halved twice",
        fun () ->
            expectLearned
                "gan"
                (fun corpus weights -> [ "--corpus"; corpus; "--save"; weights ])
                (fun corpus -> writeIdx corpus 160 40 12 8)
                (fun weights _ ->
                    match ModelFile.Load<Hybrid.Models.IGenerator<float32>> weights with
                    | :? Hybrid.Models.DcganGenerator<float32> as saved ->
                        Expect.equal (saved.Settings.Height, saved.Settings.Width) (12, 8) "size of its images"
                    | other -> failtestf "the file holds a %s" (other.GetType().Name))

            expectCorpusRefused "gan" (fun corpus -> writeIdx corpus 160 40 10 8) [ "multiples of 4" ]
    ]

/// Sequenced: the pages build core where it is out of date, which two of them must not do at once.
[<Tests>]
let tests =
    testSequenced (
        testList
            "Pages"
            [
                for name in Scripts.sampleOf [ for name, _ in Scripts.pages -> name ] do
                    testCase
                        $"{name} lists its options with code 0, refuses others with code 1, and runs nothing"
                        (fun () ->
                            printfn $"{name} is asked for its options, {Scripts.reason}."
                            expectHelp name
                            expectRefused name)

                testCase "a page that takes or keeps files of the reader's does so here" (fun () ->
                    let takes = [ Extra.Save; Extra.Corpus ]
                    let tested = [ for name, _, _ in ownFiles -> name ]

                    for name, text in Scripts.pages do
                        if takes |> List.exists (fun extra -> text.Contains $"Extra.{extra}") then
                            Expect.contains tested name "pages with files of the reader's")

                for name in Scripts.sampleOf [ for name, _, _ in ownFiles -> name ] do
                    let _, what, test = List.find (fun (other, _, _) -> other = name) ownFiles

                    testCase $"{name} {what}" (fun () ->
                        printfn $"{name} is given files, {Scripts.reason}."
                        test ())
            ]
    )
