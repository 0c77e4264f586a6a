module Hybrid.Tests.Kernels.WorkersTests

open System
open System.Diagnostics
open System.Reflection
open System.Threading
open Expecto
open FsCheck
open Hybrid.Autodiff
open Hybrid.Kernels
open Hybrid.Rules
open Hybrid.Tensors

let argument = "--tell-threads"

/// How many threads share the work here, and what memory a pass takes in which attention has one head to work on.
let tell () =
    let tape = Tape<float32>()
    let x = tape.Input(Tensor<float32>.Zeros(Shape(1, 256, 8)))
    let struct (y, _) = x.Attention(x, x, 1, 1.0, AttentionMask.None)
    tape.Backward(y, Tensor<float32>.Zeros y.Shape)
    printfn $"{Workers.Count} {tape.Arena.Capacity}"
    0

/// What this program tells in a process of its own with other settings: its exit code, its output, and what it complains of.
let told (variables: (string * string) list) =
    let start =
        ProcessStartInfo(
            "dotnet",
            [ Assembly.GetExecutingAssembly().Location; argument ],
            RedirectStandardOutput = true,
            RedirectStandardError = true
        )

    for name, value in variables do
        start.Environment[name] <- value

    use child = Process.Start start |> nonNull
    let complaint = child.StandardError.ReadToEndAsync()
    let said = child.StandardOutput.ReadToEnd()
    child.WaitForExit()
    child.ExitCode, said.Trim(), complaint.Result

/// How often each item was visited, and by which parts.
let private visits items minimum =
    let counts = Array.zeroCreate<int> items
    let parts = Collections.Concurrent.ConcurrentBag<struct (int * int * int)>()

    Workers.For(
        items,
        minimum,
        fun part first last ->
            parts.Add(struct (part, first, last))

            for i in first .. last - 1 do
                Interlocked.Increment(&counts[i]) |> ignore
    )

    counts, parts |> Seq.sort |> List.ofSeq

[<Tests>]
let tests =
    testList
        "Workers"
        [
            testProperty "every item is visited exactly once, by parts in order"
            <| fun (NonNegativeInt items) (NonNegativeInt minimum) ->
                let counts, parts = visits items minimum
                Expect.all counts (fun count -> count = 1) "visits"
                Expect.equal parts.Length (Workers.Parts(items, minimum)) "as many parts as Parts says"
                Expect.equal [ for struct (part, _, _) in parts -> part ] [ 0 .. parts.Length - 1 ] "numbered from 0"
                Expect.equal (snd (visits items minimum)) parts "the same split again"

            testProperty "a part has at least the minimum, and there is no more than one for each worker"
            <| fun (NonNegativeInt items) (PositiveInt minimum) ->
                let parts = Workers.Parts(items, minimum)
                Expect.isTrue (parts >= 1 && parts <= Workers.Count) "between 1 and the number of workers"

                if parts > 1 then
                    Expect.isTrue (items / parts >= minimum) "minimum"

            testCase
                "HYBRID_THREADS says how many; what is no number of threads is refused in words that reach the user"
            <| fun _ ->
                let code, said, _ = told [ "HYBRID_THREADS", "5" ]
                Expect.equal (code, (said.Split ' ')[0]) (0, "5") "five"

                for wrong in [ "x"; "0"; "257" ] do
                    let code, _, complaint = told [ "HYBRID_THREADS", wrong ]
                    Expect.notEqual code 0 "exit code"

                    Expect.stringContains
                        complaint
                        $"HYBRID_THREADS must be a whole number from 1 to 256, got '{wrong}'; unset it"
                        "cause and remedy"

                    Expect.isFalse (complaint.Contains "TypeInitialization") "not hidden in another exception"

            testCase "without it a machine of very many cores gets no more threads than a loop can have parts"
            <| fun _ ->
                let code, said, complaint = told [ "HYBRID_THREADS", ""; "DOTNET_PROCESSOR_COUNT", "2000" ]
                Expect.equal (code, (said.Split ' ')[0]) (0, "256") complaint

            testCase "scratch memory of attention is for the heads that there are, not for the threads"
            <| fun _ ->
                let memory (threads: int) =
                    let _, said, _ = told [ "HYBRID_THREADS", string threads ]
                    said.Split ' ' |> Array.item 1 |> int

                // The same but for where memory begins; another map of a head's scores would be 256 times 256 numbers.
                Expect.isLessThan (abs (memory 8 - memory 1)) 1024 "elements"

            testCase "a loop inside a body runs in the thread of the body, with the same parts"
            <| fun _ ->
                let _, outside = visits 100 1

                Workers.For(
                    8,
                    1,
                    fun _ _ _ ->
                        let thread = Environment.CurrentManagedThreadId

                        Workers.For(
                            100,
                            1,
                            fun _ _ _ -> Expect.equal Environment.CurrentManagedThreadId thread "thread"
                        )

                        Expect.equal (snd (visits 100 1)) outside "parts"
                )

            testCase "loops started by several threads at once all finish, each item visited once"
            <| fun _ ->
                let wrong = ref 0

                let threads =
                    [
                        for _ in 1..6 ->
                            Thread(fun () ->
                                for _ in 1..500 do
                                    if fst (visits 20 1) <> Array.create 20 1 then
                                        Interlocked.Increment wrong |> ignore)
                    ]

                for thread in threads do
                    thread.Start()

                for thread in threads do
                    thread.Join()

                Expect.equal wrong.Value 0 "loops that missed or repeated an item"

            testCase "ten thousand loops in a row, with pauses that let the workers sleep, visit all"
            <| fun _ ->
                let total = ref 0

                for round in 1..10000 do
                    Workers.For(4, 1, fun _ first last -> Interlocked.Add(total, last - first) |> ignore)

                    if round % 500 = 0 then
                        Thread.Sleep 1

                Expect.equal total.Value 40000 "items"

            testCase "an exception of any part surfaces in the caller, and the workers are as good as before"
            <| fun _ ->
                for failing in 0 .. Workers.Parts(8, 1) - 1 do
                    Expect.throwsT<InvalidTimeZoneException>
                        (fun () ->
                            Workers.For(
                                8,
                                1,
                                fun part _ _ ->
                                    if part = failing then
                                        raise (InvalidTimeZoneException "from a body")
                            ))
                        "surfaces as thrown"

                    Expect.equal (fst (visits 50 1)) (Array.create 50 1) "next loop"

            testCase "a loop allocates nothing"
            <| fun _ ->
                let body = Action<int, int, int>(fun _ _ _ -> ())

                for _ in 1..100 do
                    Workers.For(8, 1, body)

                let before = GC.GetAllocatedBytesForCurrentThread()

                for _ in 1..100 do
                    Workers.For(8, 1, body)

                Expect.equal (GC.GetAllocatedBytesForCurrentThread() - before) 0L "bytes"
        ]
