/// Runs in a process of its own, beside the mutated core: switches mutants on and runs tests, as it is told on its input.
module Hybrid.Mutation.Worker

open System
open System.Diagnostics
open System.IO
open System.Reflection
open Expecto
open Expecto.Impl

/// They start processes of their own, which know nothing of the switch, or read no numbers at all.
let private outside =
    [
        "Pages"
        "Fuzz"
        "Checkpoints.KilledRun"
        "Checkpoints.Python"
        "Soak"
        "Determinism"
        "Evidence"
        "Mutation"
        "Memory of a training step"
    ]

let private isOutside (list: string) =
    outside
    |> List.exists (fun name -> list = name || list.StartsWith(name + ".", StringComparison.Ordinal))

/// The variable of the environment that names the lists to run, by how they begin; without it, all.
let lists = "HYBRID_MUTATION_LISTS"

let private isAsked (list: string) =
    match Environment.GetEnvironmentVariable lists with
    | null -> true
    | names -> names.Split ',' |> Array.exists (fun name -> list.StartsWith(name, StringComparison.Ordinal))

let private assembly = typeof<Hybrid.Tests.Support.Sizes>.Assembly

let private tests =
    lazy
        (match testFromAssembly assembly with
         | None -> [||]
         | Some test ->
             Test.toTestCodeList test
             |> Seq.filter (fun flat -> isAsked flat.name.Head && not (isOutside flat.name.Head))
             |> Array.ofSeq)

let private isGreen (flat: FlatTest) =
    let test = TestLabel(String.Join("/", flat.name), TestCase(flat.test, flat.state), flat.state)
    let results = evalTestsSilent test |> Async.RunSynchronously
    results |> List.forall (fun (_, summary) -> summary.result.IsPassed || summary.result.IsIgnored)

/// The fields that the mutator compiled into the core.
let private field name =
    typeof<Hybrid.Tensors.Shape>.Assembly.GetType("Hybrid.Mutation.Switch", throwOnError = true)
    |> nonNull
    |> fun switch -> switch.GetField(name, BindingFlags.Public ||| BindingFlags.Static) |> nonNull

let private switchOn (number: int) = (field "Active").SetValue(null, number)

/// Says for every test how long it takes, and which mutants it reaches.
let private cover (say: string -> unit) =
    let reached = (field "Reached").GetValue null |> nonNull :?> bool[]

    for index, flat in Array.indexed tests.Value do
        Array.Clear reached
        (field "Records").SetValue(null, true)
        let watch = Stopwatch.StartNew()
        let green = isGreen flat
        let milliseconds = watch.ElapsedMilliseconds
        (field "Records").SetValue(null, false)

        if green then
            let numbers =
                [
                    for number in 1 .. reached.Length - 1 do
                        if reached[number] then
                            number
                ]

            let name = String.Join("/", flat.name).Replace('\t', ' ').Replace('\n', ' ')
            let numbers = String.Join(",", numbers)
            say $"test\t{index}\t{milliseconds}\t{name}\t{numbers}"
        else
            say $"red\t{index}"

    say "end"

/// Runs the tests one after the other until one fails. A test that also fails with the mutant off proves nothing: an earlier
/// mutant has damaged this process.
let private judge (say: string -> unit) number (indices: int list) =
    let rec next indices =
        match indices with
        | [] -> "survived"
        | index :: rest ->
            say $"at\t{index}"
            let flat = tests.Value[index]
            switchOn number
            let green = isGreen flat
            switchOn 0

            if green then next rest
            elif isGreen flat then $"killed\t{index}"
            else "damaged"

    say (next indices)

let run () =
    // The tests write to the console; what is said here goes by the stream below it.
    use output = new StreamWriter(Console.OpenStandardOutput(), AutoFlush = true)
    Console.SetOut TextWriter.Null
    Console.SetError TextWriter.Null
    let say (line: string) = output.WriteLine line

    let rec listen () =
        match Console.In.ReadLine() with
        | null -> 0
        | "cover" ->
            cover say
            listen ()
        | line ->
            let parts = line.Split '\t'
            judge say (int parts[0]) [ for index in parts[1].Split ',' -> int index ]
            listen ()

    listen ()
