module Hybrid.Tests.Checkpoints.CheckpointFolderTests

open System
open System.IO
open Expecto
open Hybrid.Tests
open Hybrid.Autodiff
open Hybrid.Checkpoints
open Hybrid.Files
open Hybrid.Data
open Hybrid.Tensors
open Hybrid.Text
open Hybrid.Tests.Support

/// Saves at 10 and 20 steps; returns what a run that never stopped has at 30.
let private prepare folder =
    use checkpoints = CheckpointFolder.Open folder
    let run = SmallRun.Run()

    for step in [ 10; 20 ] do
        run.To step
        checkpoints.Save("small", SmallRun.settings, run.State)

    run.To 30
    run.Digest

let private newest folder = Path.Combine(folder, "small.000000020.safetensors")

/// Why a fresh run cannot be resumed, after it has been shown that it is left as it was.
let private refusal settings folder =
    use checkpoints = CheckpointFolder.Open folder
    let run = SmallRun.Run()
    let before = run.Digest

    let message =
        try
            let resumed = checkpoints.Resume("small", settings, run.State)
            failtest $"resumed: {resumed}"
        with :? DataFileException as error ->
            error.Message

    Expect.equal run.Digest before "the run is left as it was"
    Expect.equal run.State.Step 0 "and has not begun"
    message

let private resumed folder =
    use checkpoints = CheckpointFolder.Open folder
    let run = SmallRun.Run()
    Expect.isTrue (checkpoints.Resume("small", SmallRun.settings, run.State)) "there is a checkpoint"
    run

/// Runs the test on a folder in which a killed run has left something that cannot be removed, and afterwards on the same folder when it can.
/// What refuses is the length of the leftover's path: that of the folder itself is short enough. It holds for the superuser too.
let private withStubbornLeftover (test: string -> unit) (afterwards: string -> unit) =
    Files.withFolder (fun root ->
        let folder = Path.Combine(root, "checkpoints")
        Directory.CreateDirectory folder |> ignore
        File.WriteAllText(Path.Combine(folder, $"small.000000001.safetensors.{String('x', 150)}.tmp"), "half")

        let rec deepen (path: string) =
            let missing = 3950 - path.Length

            if missing < 2 then
                path
            else
                deepen (Path.Combine(path, String('d', min 200 (missing - 1))))

        let parent = Directory.CreateDirectory(deepen root).FullName
        let deep = Path.Combine(parent, "checkpoints")
        Directory.Move(folder, deep)

        try
            test deep
        finally
            Directory.Move(deep, folder)

        afterwards folder)

/// Two weights, and between them something that may refuse to be restored: the state of a run, and what the weights are.
let private few (weight: float32) (add: TrainingState -> unit) =
    let parameter name = Parameter<single>(name, Tensor<single>.Scalar weight)
    let first, last = parameter "first", parameter "last"
    let state = TrainingState()
    state.Add [ first ]
    add state
    state.Add [ last ]
    state, (fun () -> first.Value.ToScalar(), last.Value.ToScalar())

let private promise = "A killed run goes on exactly"

[<Tests>]
let tests =
    testList
        "Checkpoints.CheckpointFolder"
        [
            testCase "a resumed run goes on as one that never stopped, to the bit, in the middle of an epoch"
            <| fun _ ->
                Files.withFolder (fun folder ->
                    let expected = prepare folder
                    let run = resumed folder
                    Expect.equal run.State.Step 20 "steps done"
                    run.To 30
                    Expect.equal run.Digest expected "weights and losses")

            testCase "a folder without checkpoints has nothing to resume, and runs are told apart by their names"
            <| fun _ ->
                Files.withFolder (fun folder ->
                    prepare folder |> ignore
                    use checkpoints = CheckpointFolder.Open folder

                    for name in [ "smal"; "small.0"; "other" ] do
                        let run = SmallRun.Run()
                        Expect.isFalse (checkpoints.Resume(name, SmallRun.settings, run.State)) name)

            testCase "the last two are kept; a new run removes those of an old one once it has saved"
            <| fun _ ->
                Files.withFolder (fun folder ->
                    prepare folder |> ignore
                    use checkpoints = CheckpointFolder.Open folder
                    let run = SmallRun.Run()

                    let names () =
                        [ for file in Directory.GetFiles(folder, "small.*") |> Array.sort -> Path.GetFileName file ]

                    Expect.hasLength (names ()) 2 "before"

                    for step in [ 1; 2; 3 ] do
                        run.To step
                        checkpoints.Save("small", SmallRun.settings, run.State)

                    Expect.equal (names ()) [ "small.000000002.safetensors"; "small.000000003.safetensors" ] "after")

            testCase "other settings are refused, with the difference"
            <| fun _ ->
                Files.withFolder (fun folder ->
                    prepare folder |> ignore
                    let message = refusal (readOnlyDict [ "features", "32"; "seed", "1" ]) folder
                    Expect.stringContains message "features: 16 then, 32 now" "what differs"
                    Expect.isFalse (message.Contains "seed") "and nothing else")

            testCase "cut short at every hundredth of its length, it is refused and the one before is offered"
            <| fun _ ->
                Files.withFolder (fun folder ->
                    prepare folder |> ignore
                    let whole = File.ReadAllBytes(newest folder)

                    for percent in 0..99 do
                        File.WriteAllBytes(newest folder, whole[.. whole.Length * percent / 100 - 1])
                        let message = refusal SmallRun.settings folder
                        Expect.stringContains message "small.000000020.safetensors" $"{percent} %%: the file"
                        Expect.stringContains message "of step 10, is whole" $"{percent} %%: the one before"

                    File.Delete(newest folder)
                    Expect.equal (resumed folder).State.Step 10 "the one before is taken up"
                    Evidence.record promise "cut files refused, with the checkpoint before offered:" "100")

            testCase "with any bit flipped it is refused"
            <| fun _ ->
                Files.withFolder (fun folder ->
                    prepare folder |> ignore
                    let whole = File.ReadAllBytes(newest folder)
                    let random = Random 1
                    // Every bit of the length and of the beginning of the header, and a sample of the rest.
                    let bits =
                        [
                            yield! [ 0..255 ]
                            for _ in 1 .. Evidence.cases 400 100_000 -> random.Next(8 * whole.Length)
                        ]

                    for bit in bits do
                        let damaged = Array.copy whole
                        damaged[bit / 8] <- damaged[bit / 8] ^^^ (1uy <<< bit % 8)
                        File.WriteAllBytes(newest folder, damaged)
                        let message = refusal SmallRun.settings folder
                        Expect.stringContains message "of step 10, is whole" $"bit {bit}"

                    Evidence.record
                        promise
                        "flipped bits refused, with the checkpoint before offered:"
                        $"{bits.Length}")

            testCase "a folder in use is refused"
            <| fun _ ->
                Files.withFolder (fun folder ->
                    use _ = CheckpointFolder.Open folder

                    let error =
                        Expect.throwsT<DataFileException> (fun () -> (CheckpointFolder.Open folder).Dispose()) "second"

                    ignore error)

            testCase "a folder that cannot be made is refused"
            <| fun _ ->
                Files.withFolder (fun folder ->
                    let file = Path.Combine(folder, "file")
                    File.WriteAllText(file, "")

                    Expect.throwsT<DataFileException>
                        (fun () -> (CheckpointFolder.Open(Path.Combine(file, "below"))).Dispose())
                        "below a file")

            testCase "a folder that cannot be cleaned is refused, and not kept from others"
            <| fun _ ->
                if OperatingSystem.IsWindows() then
                    skiptest "no path is too long to be removed"

                withStubbornLeftover
                    (fun folder ->
                        for _ in 1..2 do
                            refuses<DataFileException, _>
                                [ folder; "cannot be written to"; "choose another folder" ]
                                (fun () -> CheckpointFolder.Open folder))
                    (fun folder ->
                        use _ = CheckpointFolder.Open folder
                        Expect.isEmpty (Directory.GetFiles(folder, "*.tmp")) "what was left is gone")

            testCase "a run that cannot be restored as a whole is not restored at all"
            <| fun _ ->
                let pairs = [| for i in 1..9 -> SequencePair([| 3 |], [| 3 |]) |]
                let examples count = ExampleStream(count, 2, RandomStream 1UL)
                let batches count = BatchStream(Array.truncate count pairs, 3, RandomStream 1UL)
                let ofExamples, ofPairs = examples 9, batches 9

                for _ in 1..4 do
                    ofExamples.Next() |> ignore

                for _ in 1..3 do
                    ofPairs.Next() |> ignore

                let fewerExamples, fewerPairs = examples 3, batches 2

                let elsewhere (write: float[] -> unit) (state: TrainingState) =
                    state.Add("elsewhere", Shape 1, (fun () -> [| 1.0 |]), write)

                for what, whole, shortened, cause in
                    [
                        "examples",
                        (fun (state: TrainingState) -> state.Add("data", ofExamples)),
                        (fun (state: TrainingState) -> state.Add("data", fewerExamples)),
                        "4 batches are said to be taken of an epoch of 2; resume with the data"
                        "pairs",
                        (fun (state: TrainingState) -> state.Add("data", ofPairs)),
                        (fun (state: TrainingState) -> state.Add("data", fewerPairs)),
                        "resume with the data"
                        "numbers of another library",
                        elsewhere ignore,
                        elsewhere (fun _ -> raise (DataFileException "it refuses them")),
                        "it refuses them"
                    ] do
                    Files.withFolder (fun folder ->
                        use checkpoints = CheckpointFolder.Open folder
                        let saved, _ = few 1f whole
                        saved.Step <- 5
                        checkpoints.Save("few", SmallRun.settings, saved)
                        let state, weights = few 2f shortened

                        refuses<DataFileException, _> [ cause ] (fun () ->
                            checkpoints.Resume("few", SmallRun.settings, state))

                        Expect.equal (state.Step, weights ()) (0, (2f, 2f)) what

                        let other, weights = few 2f whole
                        Expect.isTrue (checkpoints.Resume("few", SmallRun.settings, other)) $"{what}, whole"
                        Expect.equal (other.Step, weights ()) (5, (1f, 1f)) $"{what}, whole")

                Expect.equal (fewerExamples.Next()) ((examples 3).Next()) "the examples begin as they would have"

            testCase "a state with two parts of one name is refused"
            <| fun _ ->
                let state = TrainingState()
                state.Add("random", RandomStream 1UL)
                Expect.throwsT<ArgumentException> (fun () -> state.Add("random", RandomStream 2UL)) "twice"

            testCase "a checkpoint of another model is refused by name"
            <| fun _ ->
                Files.withFolder (fun folder ->
                    prepare folder |> ignore
                    use checkpoints = CheckpointFolder.Open folder
                    let state = TrainingState()
                    state.Add [ Parameter<single>("unheard of", Tensor<single>.Zeros(Shape 3)) ]

                    try
                        checkpoints.Resume("small", SmallRun.settings, state) |> ignore
                        failtest "resumed"
                    with :? DataFileException as error ->
                        Expect.stringContains error.Message "'parameter/unheard of' is missing" "which")
        ]
