/// Every reader of the core, fed with damaged files: only the documented exception, with the file's name, in bounded memory.
module Hybrid.Tests.Fuzz.ReaderTests

open System
open System.IO
open System.IO.Compression
open System.Reflection
open System.Text
open System.Threading.Tasks
open Expecto
open Hybrid.Checkpoints
open Hybrid.Files
open Hybrid.Data
open Hybrid.Models
open Hybrid.Tensors
open Hybrid.Text
open Hybrid.Tests
open Hybrid.Tests.Checkpoints
open Hybrid.Tests.Models
open Hybrid.Tests.Fuzz.Mutations

/// A reader: its name, whole files to start from, how it reads one, and how many bytes it may allocate for each byte of a file.
type private Target = { Name: string; Seeds: byte[][]; Growth: int64; Read: string -> unit }

/// Compressed text may expand a thousandfold, and is held as bytes, as text and as lines.
let private textGrowth = 4_000L

/// Compressed pixels too, and each is held as a number of four bytes.
let private imageGrowth = 4L * textGrowth

/// Numbers are held once or twice; names, shapes and messages take some more.
let private tensorGrowth = 60L

let private inputs = Evidence.cases 20_000 1_000_000

/// A hang, not a slow machine: a reader takes some seconds for all its inputs.
let private limit = TimeSpan.FromMinutes(Evidence.cases 10.0 120.0)

/// Tables and messages, whatever the file's length.
let private fixedBytes = 1_000_000L

let private text (content: string) = Encoding.UTF8.GetBytes content

let private written (write: string -> unit) =
    Files.withPath (fun path ->
        write path
        File.ReadAllBytes path)

let private lines = text "abc\tA B\nxyz\tX Y Z\nä\tÄ\n"

let private merges = text "#version: 0.2\nĠ t\nh e\n"

let private table = text "width,height\n1,2.5\n-3e2,0.125\n"

let private array = [| 0uy; 0uy; 8uy; 2uy; 0uy; 0uy; 0uy; 2uy; 0uy; 0uy; 0uy; 3uy; 1uy; 2uy; 3uy; 4uy; 5uy; 6uy |]

/// Images of one color each, so that they compress well.
let private images =
    [|
        for label in [ 3uy; 9uy ] do
            label
            yield! Array.create 3072 (20uy * label)
    |]

let private tensors =
    written (fun path ->
        SafeTensors.Write(
            path,
            readOnlyDict
                [
                    "weights",
                    StoredTensor.Of(Tensor<single>.From(Shape(2, 3), ReadOnlySpan [| 1f; 2f; 3f; 4f; 5f; 6f |]))
                    "precise", StoredTensor.Of(Tensor<float>.From(Shape 2, ReadOnlySpan [| 0.5; -0.5 |]))
                    "counts", StoredTensor.Of(Shape 1, ReadOnlySpan [| 7L |])
                ],
            readOnlyDict [ "note", "three kinds" ]
        ))

/// The same without a checksum, so that damage gets behind it.
let private plainTensors =
    Files.fileOf "{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}    " (Array.zeroCreate 8)

let private model () =
    Transformer<single>(
        TransformerSettings(
            SourceVocabulary = 5,
            TargetVocabulary = 4,
            Features = 4,
            Heads = 2,
            EncoderLayers = 1,
            DecoderLayers = 1,
            HiddenFeatures = 4,
            MaximumLength = 8
        ),
        RandomStream 1UL
    )

let private transformer =
    written (fun path ->
        let tokens (words: string list) = Vocabulary.Of([ words ]).Tokens

        ModelFile.Save(
            path,
            model (),
            readOnlyDict [ "sourceTokens", tokens [ "a"; "b" ]; "targetTokens", tokens [ "c" ] ]
        ))

let private classifiers =
    let save (model: IClassifier<single>) = written (fun path -> ModelFile.Save(path, model))
    let random = RandomStream 1UL

    [|
        let options = { TinyResNet.tiny with Filters = 1; Shortcuts = ShortcutKind.Project }
        save (ResNet(TinyResNet.settings options, random))
        save (Mlp(MlpSettings(Inputs = 3, Hidden = [| 2; 2 |], Outputs = 2), random))
        save (ResidualMlp(ResidualMlpSettings(Inputs = 3, Width = 2, Layers = 4, Outputs = 2), random))

        ConvNet(
            ConvNetSettings(
                Height = 4,
                Width = 4,
                Channels = 1,
                Classes = 2,
                FirstFilters = 1,
                SecondFilters = 1,
                Hidden = 2
            ),
            random
        )
        |> save
    |]

let private generators =
    let save (model: IGenerator<single>) = written (fun path -> ModelFile.Save(path, model))
    let random = RandomStream 1UL

    [|
        save (DcganGenerator(TinyGan.dcgan 4 4 1 2 1 true, random))
        save (MlpGenerator(TinyGan.generatorOf 2 [ 3 ] 4 Hybrid.Layers.ActivationKind.Tanh, random))
    |]

/// Without its checksum too: the header is cut at the key and closed again.
let private unsigned (file: byte[]) =
    let header = Encoding.UTF8.GetString(file, 8, int (BitConverter.ToInt64(file, 0)))
    let without = RegularExpressions.Regex.Replace(header, "\"sha256\":\"[0-9a-f]*\",?", "")
    Files.fileOf (without.TrimEnd()) file[8 + Encoding.UTF8.GetByteCount header ..]

let private checkpoint =
    Files.withFolder (fun folder ->
        let run = SmallRun.Run()

        do
            use checkpoints = CheckpointFolder.Open folder
            checkpoints.Save("small", SmallRun.settings, run.State)

        File.ReadAllBytes(Directory.GetFiles(folder, "small.*")[0]))

let private targets =
    let texts = [| lines; Files.gzip lines; text "\uFEFFone\ttwo\r\n"; text "x" |]
    let parameters = (model ()).Parameters
    // Nothing but the file changes between inputs, so one run, refused each time, serves for all.
    let run = SmallRun.Run()

    [
        {
            Name = "TextFile.ReadLines"
            Seeds = texts
            Growth = textGrowth
            Read = TextFile.ReadLines >> ignore
        }
        { Name = "TsvPairs.Read"; Seeds = texts; Growth = textGrowth; Read = TsvPairs.Read >> ignore }
        {
            Name = "ParallelText.Read"
            Seeds = texts
            Growth = textGrowth
            Read =
                fun path ->
                    let other = path + ".other"
                    File.WriteAllBytes(other, lines)
                    ParallelText.Read(path, other) |> ignore
        }
        {
            Name = "MergeList.Read"
            Seeds = [| merges; Files.gzip merges |]
            Growth = textGrowth
            Read = MergeList.Read >> ignore
        }
        {
            Name = "NumberTable.Read"
            Seeds = [| table; Files.gzip table; text "a\n1,2,3\n" |]
            Growth = textGrowth
            Read = fun path -> NumberTable.Read(path, 1) |> ignore
        }
        {
            Name = "IdxFile.Read"
            Seeds = [| array; Files.gzip array |]
            Growth = textGrowth
            Read = IdxFile.Read >> ignore
        }
        {
            Name = "CifarFile.Read"
            Seeds = [| images; Files.gzip images; images[..3072] |]
            Growth = imageGrowth
            Read = fun path -> CifarFile.Read path |> ignore
        }
        {
            Name = "SafeTensors.Read"
            Seeds = [| tensors; unsigned tensors; plainTensors |]
            Growth = tensorGrowth
            Read = SafeTensors.Read >> ignore
        }
        {
            Name = "ModelFile.LoadInto"
            Seeds = [| transformer; unsigned transformer |]
            Growth = tensorGrowth
            Read = fun path -> ModelFile.LoadInto<single>(path, parameters) |> ignore
        }
        {
            Name = "ModelFile.LoadAll"
            Seeds = [| transformer; unsigned transformer |]
            Growth = tensorGrowth
            Read = fun path -> ModelFile.LoadAll<Transformer<single>> path |> ignore
        }
        {
            Name = "ModelFile.Load"
            Seeds = Array.collect (fun file -> [| file; unsigned file |]) (Array.append classifiers generators)
            Growth = tensorGrowth
            Read = fun path -> ModelFile.Load<Hybrid.Layers.Layer<single>> path |> ignore
        }
        {
            Name = "CheckpointFolder.Resume"
            Seeds = [| checkpoint; unsigned checkpoint |]
            Growth = tensorGrowth
            Read =
                fun path ->
                    let folder = path + ".folder"
                    Directory.CreateDirectory folder |> ignore
                    File.Move(path, Path.Combine(folder, "small.000000001.safetensors"), true)
                    use checkpoints = CheckpointFolder.Open folder
                    checkpoints.Resume("small", SmallRun.settings, run.State) |> ignore
        }
    ]

/// Reads one damaged file; says what is wrong with how the reader took it.
let private complaint (target: Target) path (file: byte[]) =
    File.WriteAllBytes(path, file)
    let before = GC.GetAllocatedBytesForCurrentThread()

    let outcome =
        try
            target.Read path
            None
        with
        | :? DataFileException as error when error.Message.Contains(nonNull (Path.GetFileName path)) -> None
        | :? DataFileException as error -> Some $"the message does not name the file: {error.Message}"
        | error -> Some $"{error.GetType().Name}: {error.Message}"

    let allocated = GC.GetAllocatedBytesForCurrentThread() - before

    match outcome with
    | None when allocated > fixedBytes + target.Growth * int64 file.Length ->
        Some $"{allocated} bytes allocated for a file of {file.Length}"
    | outcome -> outcome

let private fuzz (target: Target) () =
    Files.withFolder (fun folder ->
        let path = Path.Combine(folder, "input.bin")

        for i in 1..inputs do
            let file = mutate (Random(i)) target.Seeds

            match complaint target path file with
            | None -> ()
            | Some problem -> failtest $"input {i} ({file.Length} bytes, {Convert.ToHexString file}): {problem}")

/// Public methods that read files, by their names; whoever adds one adds a target.
let private readers =
    [
        for found in typeof<TextFile>.Assembly.GetExportedTypes() do
            let everything =
                BindingFlags.Public ||| BindingFlags.Static ||| BindingFlags.Instance ||| BindingFlags.DeclaredOnly

            for reader in found.GetMethods everything do
                if
                    [ "Read"; "Load"; "Resume" ]
                    |> List.exists (fun verb -> reader.Name.StartsWith(verb, StringComparison.Ordinal))
                then
                    $"{found.Name.Split('`')[0]}.{reader.Name}"
    ]
    |> List.distinct

[<Tests>]
let tests =
    testList
        "Fuzz"
        [
            testCase "every reader has a target, and every target a reader"
            <| fun _ ->
                let named = [ for target in targets -> target.Name ]
                Expect.sequenceEqual (List.sort named) (List.sort readers) "readers of the core"

            for target in targets do
                testCase $"{target.Name}: {inputs} damaged files"
                <| fun _ ->
                    let work = Task.Run(fuzz target)
                    Expect.isTrue (work.Wait limit) "the reader ends"
                    Evidence.record "Hostile files" $"damaged inputs to {target.Name}, none misread:" $"{inputs}"

            for target in targets do
                testCase $"{target.Name}: whole files are read"
                <| fun _ ->
                    Files.withFolder (fun folder ->
                        let path = Path.Combine(folder, "input.bin")
                        File.WriteAllBytes(path, target.Seeds[0])
                        target.Read path)

            testCase "a gzip bomb is refused at the stated limit"
            <| fun _ ->
                Files.withPath (fun path ->
                    do
                        use file = File.Create path
                        use stream = new GZipStream(file, CompressionLevel.Fastest)
                        let zeros = Array.zeroCreate<byte>(1 <<< 20)

                        for _ in 0L .. TextFile.MaximumTextBytes / int64 zeros.Length do
                            stream.Write(ReadOnlySpan zeros)

                    try
                        TextFile.ReadLines path |> ignore
                        failtest "read"
                    with :? DataFileException as error ->
                        Expect.stringContains error.Message "more than" "the limit")
        ]
