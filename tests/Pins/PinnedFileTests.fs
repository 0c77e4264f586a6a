/// Files that an earlier build wrote, each with what its model gave then: every later build reads them to the same numbers. They lie in the folder
/// files and are never written anew; where the interfaces of the core change, only the readers in this file follow.
module Hybrid.Tests.Pins.PinnedFileTests

open System
open System.IO
open System.Globalization
open System.Security.Cryptography
open Expecto
open Hybrid.Autodiff
open Hybrid.Checkpoints
open Hybrid.Files
open Hybrid.Data
open Hybrid.Generation
open Hybrid.Layers
open Hybrid.Models
open Hybrid.Optimizers
open Hybrid.Tensors
open Hybrid.Tests
open Hybrid.Text
open Hybrid.Tests.Support
open Hybrid.Tests.Models
open Hybrid.Tests.Checkpoints

let folder = Path.Combine(Equations.root, "tests", "Pins", "files")

let private fileName (path: string) = Path.GetFileName path |> nonNull

/// What a file is read to.
type Reading =
    {
        /// Name, shape and values of each tensor of the model.
        Tensors: (string * string * float[]) list
        /// What the model makes of the input, by the precision that it computes in; what stands under another name is exact.
        Outputs: (string * float[]) list
        Texts: (string * string) list
    }

/// Numbers that take no library to make, and are the same in single and in double precision.
let private input rows columns =
    tensor [ rows; columns ] [ for i in 0 .. rows * columns - 1 -> float (37 * i % 101 - 50) / 32.0 ]

let private single, double = "single", "double"

let private stateOf (parameters: Parameter<'T> seq) (buffers: Buffer<'T> seq) =
    [
        for parameter in parameters -> parameter.Name, string parameter.Value.Shape, floats parameter.Value
        for buffer in buffers -> buffer.Name, string buffer.Shape, floats buffer.Value
    ]

/// The state of a model, with what it makes of the input in both precisions.
let private reading parameters statistics inSingle inDouble =
    {
        Tensors = stateOf parameters statistics
        Outputs = [ single, inSingle; double, inDouble ]
        Texts = []
    }

let private classifier path x =
    let ofSingle = ModelFile.Load<IClassifier<float32>>(path, convert = true)
    let ofDouble = ModelFile.Load<IClassifier<float>>(path, convert = true)
    let logits = Classifiers.logits ofSingle false (toSingle x)
    reading ofDouble.Parameters ofDouble.Buffers (floats logits) (floats (Classifiers.logits ofDouble false x))

let private generator path x =
    let ofSingle = ModelFile.Load<IGenerator<float32>>(path, convert = true)
    let ofDouble = ModelFile.Load<IGenerator<float>>(path, convert = true)
    let samples = valueOf [ toSingle x ] (fun _ z -> ofSingle.Generate z[0])
    reading ofDouble.Parameters ofDouble.Buffers (floats samples) (floats (TinyGan.samples ofDouble false x))

/// Discriminators have no file of their own kind, so their settings stand here.
let discriminators =
    [
        "discriminator.maxout", TinyGan.discriminatorOf 32 [ 5; 4 ] 3 0.2 0.5 |> Choice1Of2
        "discriminator.dcgan", TinyGan.dcgan 8 4 1 3 2 true |> Choice2Of2
        "discriminator.dcgan-not-normalized", TinyGan.dcgan 8 4 1 3 2 false |> Choice2Of2
    ]

let discriminatorOf name random : IDiscriminator<'T> =
    match List.find (fst >> (=) name) discriminators |> snd with
    | Choice1Of2 settings -> MlpDiscriminator<'T>(settings, random)
    | Choice2Of2 settings -> DcganDiscriminator<'T>(settings, random)

let private discriminator name path x =
    let ofSingle: IDiscriminator<float32> = discriminatorOf name (RandomStream 0UL)
    let ofDouble: IDiscriminator<float> = discriminatorOf name (RandomStream 0UL)
    ModelFile.LoadInto(path, ofSingle, convert = true) |> ignore
    ModelFile.LoadInto(path, ofDouble, convert = true) |> ignore
    let logits = valueOf [ toSingle x ] (fun _ x -> ofSingle.Logits x[0])
    reading ofDouble.Parameters ofDouble.Buffers (floats logits) (floats (TinyGan.logits ofDouble null x))

let private transformer path =
    let ofSingle = ModelFile.LoadAll<Transformer<float32>>(path, convert = true)
    let ofDouble = ModelFile.LoadAll<Transformer<float>>(path, convert = true)
    // Of unequal length, so that what hides the padding takes part.
    let sources, targets = [| [| 3; 4; 5; 6; 3 |]; [| 6; 5 |] |], [| [| 1; 3; 4 |]; [| 1; 5; 6 |] |]
    let logits model = floats (TinyTransformer.logits model sources targets)

    let answers =
        GreedyDecoder.Decode(ofDouble.Model, Tape(), sources, 6)
        |> Array.collect (fun answer -> Array.append answer [| 2 |])

    let read =
        reading
            ofDouble.Model.Parameters
            []
            (logits ofSingle.Model)
            (floats (TinyTransformer.logits ofDouble.Model sources targets))

    { read with
        Outputs =
            read.Outputs
            @ [ "answers", Array.map float answers; "dropout", [| ofDouble.Model.Settings.Dropout |] ]
        Texts =
            [
                "source tokens", String.Join(" ", (ofDouble.Vocabulary "sourceTokens").Tokens)
                "target tokens", String.Join(" ", (ofDouble.Vocabulary "targetTokens").Tokens)
            ]
    }

/// A training run of the three kinds that pages have.
type Run =
    {
        State: TrainingState
        /// The tensors as they are now.
        Now: unit -> (string * string * float[]) list
        /// What it has recorded so far.
        Recorded: Series
        Learn: unit -> float list
    }

    /// Takes steps; returns their losses.
    member run.Take steps =
        [|
            for _ in 1..steps do
                run.State.Step <- run.State.Step + 1
                let losses = run.Learn()
                run.Recorded.Add(float run.State.Step, losses[0])
                yield! losses
        |]

/// As Sequences in the pages' prelude does it.
let private sequences () =
    let stream = RandomStream(1UL).Split "training"
    let options = { TinyTransformer.tiny with Dropout = 0.1; Shared = true; MaximumLength = 6 }
    let lengths = [ for i in 0..19 -> 1 + i % 5, 1 + i % 4 ]
    let pairs = TinyTransformer.pairs (stream.Split "pairs") options lengths
    let model = TinyTransformer.single options 1UL
    let adam = Adam<float32>.OfTransformer model.Parameters
    let batches, dropout = BatchStream(pairs, 20, stream.Split "order"), stream.Split "dropout"
    let training, tokens, tape = Series 2, ref 0L, Tape<float32>()
    let average = ParameterAverage<float32> model.Parameters
    let state = TrainingState()
    state.Add model.Parameters
    state.Add("adam", adam)
    state.Add("batches", batches)
    state.Add("dropout", dropout)
    state.Add("training", training)

    state.Add(
        "average",
        Shape [| average.Save().Length |],
        (fun () -> average.Save()),
        (fun saved -> average.Restore saved)
    )

    state.Add("tokens", (fun () -> tokens.Value), (fun saved -> tokens.Value <- saved))

    let learn () =
        let batch = batches.Next()
        tape.Clear()
        use _ = tape.Training dropout
        let loss = model.Loss(tape, batch, 0.1)
        adam.ZeroGradients()
        tape.Backward loss
        adam.Step 0.01
        tokens.Value <- tokens.Value + int64 batch.TargetTokens

        if state.Step % 7 = 0 then
            average.Add()

        [ float (loss.Value.ToScalar()) ]

    { State = state; Now = (fun () -> stateOf model.Parameters []); Recorded = training; Learn = learn }

/// As Classifiers does it, but in double precision.
let private classifiers () =
    let stream = RandomStream(2UL).Split "training"
    let options = { TinyResNet.tiny with Shortcuts = ShortcutKind.Project }
    let model = TinyResNet.double options 1UL
    let x = normal (stream.Split "pictures") [ 24; options.Features ]
    let sgd = Sgd<float>(model.Parameters, 0.9, 1e-4)
    let batches, augmentation = ExampleStream(24, 5, stream.Split "order"), stream.Split "augmentation"
    let losses, tape = Series 2, Tape<float>()
    let state = TrainingState()
    state.Add model.Parameters
    state.Add model.Buffers
    state.Add("optimizer", sgd)
    state.Add("batches", batches)
    state.Add("augmentation", augmentation)
    state.Add("losses", losses)

    let learn () =
        let rows = batches.Next()
        let shift = augmentation.NextNormal()

        let batch =
            tensor
                [ rows.Length; options.Features ]
                [
                    for i in rows do
                        yield! row i x |> Array.map ((+) shift)
                ]

        tape.Clear()
        use _ = tape.Training()
        let loss = model.Loss(tape.Constant batch, rows |> Array.map (fun row -> row % 3))
        sgd.ZeroGradients()
        tape.Backward loss
        sgd.Step 0.05
        [ loss.Value.ToScalar() ]

    {
        State = state
        Now = (fun () -> stateOf model.Parameters model.Buffers)
        Recorded = losses
        Learn = learn
    }

/// As Adversaries does it.
let private adversaries () =
    let stream = RandomStream(3UL).Split "training"
    let settings = TinyGan.dcgan 8 4 1 3 2 true
    let random = stream.Split "networks"
    let gan = Gan<float32>(DcganGenerator<float32>(settings, random), DcganDiscriminator<float32>(settings, random))
    let ofDiscriminator = AdamW<float32>(gan.Discriminator.Parameters, 0.01, 0.5)
    let ofGenerator = Adam<float32>(gan.Generator.Parameters, 0.5, 0.999, 1e-8)
    let real, noise, dropout = stream.Split "real", stream.Split "noise", stream.Split "dropout"
    let losses, tape = Series 2, Tape<float32>()
    let state = TrainingState()
    state.Add gan.Discriminator.Parameters
    state.Add gan.Discriminator.Buffers
    state.Add("discriminator optimizer", ofDiscriminator)
    state.Add gan.Generator.Parameters
    state.Add gan.Generator.Buffers
    state.Add("generator optimizer", ofGenerator)
    state.Add("real", real)
    state.Add("noise", noise)
    state.Add("dropout", dropout)
    state.Add("losses", losses)
    let draw stream width = toSingle (normal stream [ 4; width ])

    let learn () =
        let descend (optimizer: Optimizer<float32>) parameters (loss: unit -> Variable<float32>) =
            tape.Clear()
            use _ = tape.Training dropout
            let loss = loss ()
            optimizer.ZeroGradients()
            tape.Backward(loss, towards = parameters)
            optimizer.Step 0.001
            float (loss.Value.ToScalar())

        let ofDiscriminator =
            descend ofDiscriminator gan.Discriminator.Parameters (fun () ->
                gan.DiscriminatorLoss(tape, draw real 32, draw noise 3, 0.9))

        let ofGenerator =
            descend ofGenerator gan.Generator.Parameters (fun () ->
                gan.GeneratorLoss(tape, draw noise 3, GeneratorObjective.NonSaturating))

        [ ofDiscriminator; ofGenerator ]

    let parameters = Seq.append gan.Discriminator.Parameters gan.Generator.Parameters
    let statistics = Seq.append gan.Discriminator.Buffers gan.Generator.Buffers

    { State = state; Now = (fun () -> stateOf parameters statistics); Recorded = losses; Learn = learn }

let runs =
    [
        "checkpoint.sequences", sequences, single, [ 10; 20 ]
        "checkpoint.classifiers", classifiers, double, [ 20 ]
        "checkpoint.adversaries", adversaries, single, [ 20 ]
    ]

let runName, runSettings = "small", readOnlyDict [ "seed", "1"; "rate", "fixed" ]

/// Takes up a copy of the folder, as whoever opens one writes into it; the folder is there as long as the action goes on.
let private resuming name path (action: Run -> CheckpointFolder -> string -> 'R) =
    Files.withFolder (fun copy ->
        for file in Directory.GetFiles path do
            File.Copy(file, Path.Combine(copy, fileName file))

        let _, start, _, _ = List.find (fun (known, _, _, _) -> known = name) runs
        let run: Run = start ()
        use checkpoints = CheckpointFolder.Open copy
        Expect.isTrue (checkpoints.Resume(runName, runSettings, run.State)) "there is a checkpoint"
        action run checkpoints copy)

let private resumed name path =
    resuming name path (fun run _ _ ->
        let _, _, precision, _ = List.find (fun (known, _, _, _) -> known = name) runs
        let tensors, recorded = run.Now(), Array.concat (run.Recorded.ToArray())
        let step = float run.State.Step

        {
            Tensors = tensors
            Outputs = [ "step", [| step |]; "recorded", recorded; $"five steps in {precision}", run.Take 5 ]
            Texts = []
        })

/// Reads a pin by its name, which begins with its kind.
let read (name: string) path rows columns =
    match name.Split('.')[0] with
    | "classifier" -> classifier path (input rows columns)
    | "generator" -> generator path (input rows columns)
    | "discriminator" -> discriminator name path (input rows columns)
    | "transformer" -> transformer path
    | "checkpoint" -> resumed name path
    | other -> failtestf "no file is called %s" other

let isFolder (name: string) = name.StartsWith "checkpoint."

/// The file or the folder of a pin.
let fileOf folder name = Path.Combine(folder, (if isFolder name then name else name + ".safetensors"))

let expectationOf folder name = Path.Combine(folder, name + ".expected.tsv")

/// The tensors of a file, by the tests' own reader of the format: of a folder of checkpoints those of its last.
let private stored path =
    let file =
        if Directory.Exists path then
            Array.max (Directory.GetFiles(path, "*.safetensors"))
        else
            path

    Files.parse (File.ReadAllBytes file) |> fst

let private shapeOf (entry: Files.Entry) = "[" + String.Join(", ", entry.Shape) + "]"

let private valuesOf (entry: Files.Entry) =
    match entry.Type with
    | "F32" -> Array.init (entry.Bytes.Length / 4) (fun i -> float (BitConverter.ToSingle(entry.Bytes, 4 * i)))
    | "F64" -> Array.init (entry.Bytes.Length / 8) (fun i -> BitConverter.ToDouble(entry.Bytes, 8 * i))
    | _ -> Array.init (entry.Bytes.Length / 8) (fun i -> float (BitConverter.ToInt64(entry.Bytes, 8 * i)))

let private number (value: float) = value.ToString("R", CultureInfo.InvariantCulture)

/// What is expected of a pin, a line each: the input's shape, the file's tensors with a digest of their bytes, what it is read to.
let describe rows columns path reading =
    [
        $"input\t{rows}\t{columns}\t((37 i mod 101) - 50) / 32 at place i"
        for entry in stored path do
            $"tensor\t{entry.Name}\t{entry.Type}\t{shapeOf entry}\t{Convert.ToHexStringLower(SHA256.HashData entry.Bytes)}"
        for name, text in reading.Texts do
            $"text\t{name}\t{text}"
        for name, numbers in reading.Outputs do
            $"output\t{name}\t" + String.Join(" ", Array.map number numbers)
    ]

/// The name under which a file has a tensor of the model; a checkpoint has other tensors beside them.
let private plain (name: string) =
    [ "parameter/"; "statistic/" ]
    |> List.tryFind name.StartsWith
    |> Option.map (fun prefix -> name[prefix.Length ..])

let private toleranceOf (name: string) =
    if name.EndsWith double then 1e-12
    elif name.EndsWith single then 2e-6
    else 0.0

let private bits (values: float[]) = values |> Array.map BitConverter.DoubleToInt64Bits

/// What differs between what is expected of a pin, its file, and what the file is read to.
let differences (expected: string list) (entries: Files.Entry list) reading =
    let fields kind =
        expected
        |> List.map _.Split('\t')
        |> List.filter (fun line -> line[0] = kind)
        |> List.map Array.tail

    let said = fields "tensor" |> List.map (fun line -> line[0], line)

    let found =
        [
            for entry in entries ->
                entry.Name,
                [| entry.Name; entry.Type; shapeOf entry; Convert.ToHexStringLower(SHA256.HashData entry.Bytes) |]
        ]

    let isCheckpoint = entries |> List.exists (fun entry -> (plain entry.Name).IsSome)

    let inFile =
        [
            for entry in entries do
                match plain entry.Name with
                | Some name -> name, shapeOf entry, valuesOf entry
                | None when isCheckpoint -> ()
                | None -> entry.Name, shapeOf entry, valuesOf entry
        ]

    [
        if List.isEmpty said || List.isEmpty reading.Tensors || List.isEmpty reading.Outputs then
            "nothing is compared"

        for name, line in said do
            if not (List.contains (name, line) found) then
                $"the file has no {name} as it was"

        for name, _ in found do
            if not (List.exists (fst >> (=) name) said) then
                $"the file has {name} besides"

        let byName (name, _, _) = name
        let fileNames, names = List.map byName inFile, List.map byName reading.Tensors

        if List.sort fileNames <> List.sort names then
            $"the file has {fileNames}, the model {names}"

        for name, shape, values in reading.Tensors do
            for other, otherShape, otherValues in inFile do
                if name = other && (shape <> otherShape || bits values <> bits otherValues) then
                    $"{name} is read to other values or another shape"

        if List.map List.ofArray (fields "text") <> [ for name, text in reading.Texts -> [ name; text ] ] then
            $"other texts: {reading.Texts}"

        let outputs = fields "output"

        if List.map Array.head outputs <> List.map fst reading.Outputs then
            $"other outputs: {List.map fst reading.Outputs}"

        for line in outputs do
            for name, actual in reading.Outputs do
                if name = line[0] then
                    let wanted =
                        line[1].Split ' ' |> Array.map (fun text -> Double.Parse(text, CultureInfo.InvariantCulture))

                    let bound = toleranceOf name * Array.max (Array.map abs wanted)

                    if actual.Length <> wanted.Length then
                        $"{name}: {actual.Length} numbers, expected {wanted.Length}"
                    else
                        let apart = Array.map2 (fun a b -> abs (a - b)) actual wanted |> Array.max

                        if not (apart <= bound) then
                            $"{name}: %.3g{apart} apart, allowed %.3g{bound}"
    ]

let names =
    if Directory.Exists folder then
        [
            for file in Directory.GetFiles(folder, "*.expected.tsv") |> Array.sort ->
                (fileName file).Replace(".expected.tsv", "")
        ]
    else
        []

let private expectation name = List.ofArray (File.ReadAllLines(expectationOf folder name))

let private readAs expected name path =
    let shape = (List.head expected: string).Split '\t'
    read name path (int shape[1]) (int shape[2])

/// What differs, of a file anywhere; a file that is refused differs.
let private check expected name path =
    try
        // The core first: the tests' own reader does not look at checksums.
        let reading = readAs expected name path
        differences expected (stored path) reading
    with :? DataFileException as error ->
        [ error.Message ]

/// The pin's file as it is, in a folder of its own; of a folder of checkpoints the last.
let private changing name (change: string -> unit) =
    Files.withFolder (fun copy ->
        let path = fileOf copy name

        if isFolder name then
            Directory.CreateDirectory path |> ignore

            for file in Directory.GetFiles(fileOf folder name) do
                File.Copy(file, Path.Combine(path, fileName file))

            change (Array.max (Directory.GetFiles path))
        else
            File.Copy(fileOf folder name, path)
            change path

        check (expectation name) name path)

/// Writes a file's tensors again, some of them changed, with the checksum that belongs to them.
let private rewrite (change: string * StoredTensor -> string * StoredTensor) path =
    let file = SafeTensors.Read path
    let tensors = readOnlyDict [ for pair in file.Tensors -> change (pair.Key, pair.Value) ]
    SafeTensors.Write(path, tensors, file.Metadata)

let private ofModel name (tensor: string) = not (isFolder name) || (plain tensor).IsSome

[<Tests>]
let tests =
    testList
        "Pins.PinnedFiles"
        [
            testCase "there is one of each kind, with its file"
            <| fun _ ->
                for kind in
                    [
                        "classifier.mlp"
                        "classifier.resnet"
                        "classifier.residual"
                        "classifier.convnet"
                        "generator.mlp"
                        "generator.dcgan"
                        "discriminator.maxout"
                        "discriminator.dcgan"
                        "transformer."
                        "checkpoint.sequences"
                        "checkpoint.classifiers"
                        "checkpoint.adversaries"
                    ] do
                    Expect.exists names _.StartsWith(kind) kind

                Expect.isGreaterThanOrEqual names.Length 50 "none was removed"
                let entries = [ for entry in Directory.GetFileSystemEntries folder -> fileName entry ]

                let wanted =
                    [
                        for name in names do
                            fileName (fileOf folder name)
                            $"{name}.expected.tsv"
                    ]

                Expect.equal (List.sort entries) (List.sort wanted) "files"

            for name in names do
                testCase $"{name} is read as it was"
                <| fun _ -> Expect.isEmpty (check (expectation name) name (fileOf folder name)) name

            testCase "a checkpoint that is resumed and saved again is the same file"
            <| fun _ ->
                for name in names do
                    if isFolder name then
                        let newest = Array.max (Directory.GetFiles(fileOf folder name))

                        resuming name (fileOf folder name) (fun run checkpoints copy ->
                            checkpoints.Save(runName, runSettings, run.State)
                            let saved = File.ReadAllBytes(Path.Combine(copy, fileName newest))
                            Expect.equal saved (File.ReadAllBytes newest) name)

            testCase "a byte that was changed, and a tensor under another name or with another last bit, are noticed"
            <| fun _ ->
                for name in names do
                    for share in [ 0.25; 0.75; 1.0 ] do
                        let flipped =
                            changing name (fun path ->
                                let bytes = File.ReadAllBytes path
                                let place = int (share * float (bytes.Length - 1))
                                bytes[place] <- bytes[place] ^^^ 1uy
                                File.WriteAllBytes(path, bytes))

                        Expect.isNonEmpty flipped $"{name}, a byte"

                    let chosen = stored (fileOf folder name) |> List.find (fun entry -> ofModel name entry.Name)

                    let renamed =
                        changing
                            name
                            (rewrite (fun (tensor, value) ->
                                (if tensor = chosen.Name then tensor + "x" else tensor), value))

                    Expect.isNonEmpty renamed $"{name}, a name"

                    let nudge (value: StoredTensor) =
                        if value.Type = ElementType.F32 then
                            let numbers = value.ToTensor<float32>()
                            numbers.Span[0] <- MathF.BitIncrement numbers.Span[0]
                            StoredTensor.Of numbers
                        else
                            let numbers = value.ToTensor<float>()
                            numbers.Span[0] <- Math.BitIncrement numbers.Span[0]
                            StoredTensor.Of numbers

                    let nudged =
                        changing
                            name
                            (rewrite (fun (tensor, value) ->
                                tensor, (if tensor = chosen.Name then nudge value else value)))

                    Expect.isNonEmpty nudged $"{name}, a bit"

            testCase "a model that reads a file otherwise is noticed"
            <| fun _ ->
                for name in names do
                    let expected, entries = expectation name, stored (fileOf folder name)
                    let reading = readAs expected name (fileOf folder name)
                    Expect.isEmpty (differences expected entries reading) name

                    let noticed what reading =
                        Expect.isNonEmpty (differences expected entries reading) $"{name}, {what}"

                    let (tensor, shape, values), others = List.head reading.Tensors, List.tail reading.Tensors
                    let nudged = Array.mapi (fun i value -> if i = 0 then Math.BitIncrement value else value) values
                    noticed "a name" { reading with Tensors = (tensor + "x", shape, values) :: others }
                    noticed "a shape" { reading with Tensors = (tensor, shape + "x", values) :: others }
                    noticed "a bit" { reading with Tensors = (tensor, shape, nudged) :: others }
                    noticed "a tensor" { reading with Tensors = others }
                    noticed "a text" { reading with Texts = ("more", "") :: reading.Texts }

                    for i, (output, numbers) in List.indexed reading.Outputs do
                        let largest = numbers |> Array.mapi (fun i value -> abs value, i) |> Array.max |> snd
                        // One and a half times what is allowed, as rounding may take up a part of it.
                        let error = 1.0 + max 1e-15 (1.6 * toleranceOf output)
                        let wrong = numbers |> Array.mapi (fun i value -> if i = largest then value * error else value)

                        if wrong <> numbers then
                            noticed output { reading with Outputs = List.updateAt i (output, wrong) reading.Outputs }
        ]
