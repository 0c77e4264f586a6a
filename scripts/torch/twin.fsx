namespace Hybrid.Scripts

open System
open System.Diagnostics
open System.Runtime.InteropServices
open Hybrid.Checkpoints
open Hybrid.Tensors
open Plotly.NET
open TorchSharp

/// One training run.
type Run =
    {
        Name: string
        Losses: float[]
        Seconds: float
        /// Resident set of this process in MiB, before the first step and the largest after one.
        Before: float
        Largest: float
    }

/// What scripts share that compare the core with TorchSharp, which they reference before this.
[<AutoOpen>]
module Twin =
    [<DllImport("libc")>]
    extern int private setenv(string name, string value, int overwrite)

    /// Libtorch's matrix products round by where in memory the matrices happen to lie, so that the last digit may change from run
    /// to run. After this, called before the first of them, they do not; they are slower then.
    let makeReproducible () =
        if OperatingSystem.IsLinux() then
            setenv ("MKL_CBWR", "COMPATIBLE", 1) |> ignore

    /// The greatest absolute difference of two tensors of one shape; NaN if any element is NaN.
    let distance (ours: Tensor<_>) (theirs: torch.Tensor) =
        use flat = theirs.detach().``to``(torch.float64).cpu().contiguous()
        let ours = ours.ToArray() |> Array.map Double.CreateChecked
        let apart = Array.map2 (fun x y -> abs (x - y)) ours (flat.data<float>().ToArray())
        if Array.exists Double.IsNaN apart then nan else Array.max apart

    /// The greatest absolute value.
    let size (tensor: Tensor<_>) =
        tensor.ToArray() |> Array.map (Double.CreateChecked >> abs) |> Array.max

    /// Their distance, relative to the largest entry of ours, or to 10⁻³ where all are smaller.
    let relative (ours: Tensor<_>) (theirs: torch.Tensor) =
        distance ours theirs / max (size ours) 1e-3

    /// The greatest of several differences; NaN is worse than anything.
    let worst (apart: float seq) = Seq.fold (fun (a: float) b -> Math.Max(a, b)) 0.0 apart

    let show (apart: float) = apart.ToString "0.0e+0"

    /// A tensor of theirs with the numbers of ours.
    let torchOf (tensor: Tensor<float>) =
        torch.tensor (tensor.ToArray(), ReadOnlySpan(Array.map int64 (tensor.Shape.ToArray())))

    /// A weight of theirs, turned as ours is, and back: of a convolution, a transposed one or a linear layer.
    let turned (tensor: torch.Tensor) =
        match tensor.shape.Length with
        | 4 -> tensor.permute [| 2L; 3L; 1L; 0L |]
        | 2 -> tensor.t ()
        | _ -> tensor

    /// Running means and variances; the number of batches, which is there too, is a scalar.
    let statisticsOf (model: torch.nn.Module) =
        model.buffers () |> Seq.filter (fun buffer -> buffer.shape.Length = 1)

    let private residentSet () = float Environment.WorkingSet / 1048576.0

    /// A tensor of libtorch as a part of a run's state.
    let private add (state: TrainingState) name (tensor: torch.Tensor) =
        let read () =
            use flat = tensor.detach().``to``(torch.float64).cpu().contiguous()
            flat.data<float>().ToArray()

        let write (values: float[]) =
            use _ = torch.no_grad ()
            use stored = torch.tensor (values, ReadOnlySpan tensor.shape)
            tensor.copy_ stored |> ignore

        state.Add(name, Shape([| for extent in tensor.shape -> int extent |]), read, write)

    /// The state of a run in libtorch: of each module its parameters and buffers, its Adam's moments and number of steps.
    let torchStates (trained: (string * torch.nn.Module * Modules.Adam) list) =
        let state = TrainingState()

        for side, model, adam in trained do
            let moments =
                adam.state_dict().State |> Seq.map (fun each -> each :?> Modules.Adam.State)

            for struct (name, parameter), moment in Seq.zip (model.named_parameters ()) moments do
                let name = side + name
                add state name parameter
                add state $"adam/first moment/{name}" moment.exp_avg
                add state $"adam/second moment/{name}" moment.exp_avg_sq

                state.Add(
                    $"adam/steps/{name}",
                    (fun () -> moment.step),
                    fun step -> moment.step <- step
                )

            for struct (name, buffer) in model.named_buffers () do
                add state (side + name) buffer

        state

    /// The same of a single module.
    let torchState (model: torch.nn.Module) adam = torchStates [ ("", model, adam) ]

    /// The state of a run with momentum: the module's parameters and running statistics, and the velocities.
    let torchMomentumState (model: torch.nn.Module) (sgd: Modules.SGD) =
        let state = TrainingState()

        let memories =
            sgd.state_dict().State |> Seq.map (fun each -> each :?> Modules.SGD.State)

        for struct (name, parameter), memory in Seq.zip (model.named_parameters ()) memories do
            // The first step would make it, of the gradient alone: as from zeros.
            memory.momentum_buffer <- torch.zeros_like parameter
            add state name parameter
            add state $"sgd/velocity/{name}" memory.momentum_buffer

        for struct (name, buffer) in model.named_buffers () do
            add state name buffer

        state

    /// Trains on each batch in turn; step takes the number of the step, from 1, and returns the loss. A run that was stopped
    /// goes on from its state.
    let measured
        name
        settings
        (state: TrainingState)
        (batches: 'Batch[])
        (step: int -> 'Batch -> float)
        =
        GC.Collect()
        let before = residentSet ()
        let mutable largest = before
        let steps = Series 2 // loss and seconds
        state.Add("steps taken", steps)

        Progress.run name batches.Length (fun report ->
            Training.run (name.Replace(", ", "-")) settings state batches.Length (fun number ->
                let begun = Stopwatch.GetTimestamp()
                let loss = step number batches[number - 1]
                steps.Add(loss, Stopwatch.GetElapsedTime(begun).TotalSeconds)
                largest <- max largest (residentSet ())
                report number $"loss %.3f{loss}"))

        let steps = steps.ToArray()

        {
            Name = name
            Losses = Array.map Array.head steps
            Seconds = Array.sumBy Array.last steps
            Before = before
            Largest = largest
        }

    /// How far the losses of two runs are apart, step by step.
    let apart a b = Array.map2 (fun x y -> abs (x - y)) a.Losses b.Losses

    /// The mean over the last tenth of the steps.
    let atTheEnd (apart: float[]) =
        Array.skip (apart.Length - max 1 (apart.Length / 10)) apart |> Array.average

    let private line name colour dash (y: float[]) =
        Chart.Line(
            x = [ 1 .. y.Length ],
            y = y,
            Name = name,
            LineColor = colour,
            LineDash = dash
        )

    /// Seconds, speed and memory of each run.
    let showRuns (tokens: int) (runs: Run list) =
        table
            [ "run"; "seconds"; "tokens a second"; "last loss"; "MiB before"; "most MiB" ]
            [
                for run in runs ->
                    [
                        run.Name
                        $"%.1f{run.Seconds}"
                        $"%.0f{float tokens / run.Seconds}"
                        $"%.4f{Array.last run.Losses}"
                        $"%.0f{run.Before}"
                        $"%.0f{run.Largest}"
                    ]
            ]
        |> ignore

    /// Both curves in one plot, the second dashed so that the first shows through.
    let showLosses ours theirs =
        [
            line ours.Name Palette.blue StyleParam.DrawingStyle.Solid ours.Losses
            line theirs.Name Palette.orange StyleParam.DrawingStyle.Dash theirs.Losses
        ]
        |> Chart.combine
        |> Chart.withXAxisStyle (TitleText = "step")
        |> Chart.withYAxisStyle (TitleText = "training loss, nats a token")
        |> figure "losses" "Training loss, same start, same batches."
        |> ignore

    /// A table and a plot of at most three named differences.
    let showDifferences (pairs: (string * float[]) list) =
        let row (name, apart) = [ name; $"%.2g{Array.max apart}"; $"%.2g{atTheEnd apart}" ]

        table
            [ "difference of the losses"; "largest"; "mean of the last tenth" ]
            (List.map row pairs)
        |> ignore

        Seq.map2
            (fun (name, apart) colour -> line name colour StyleParam.DrawingStyle.Solid apart)
            pairs
            [ Palette.green; Palette.orange; Palette.grey ]
        |> Chart.combine
        |> Chart.withXAxisStyle (TitleText = "step")
        |> Chart.withYAxisStyle (
            TitleText = "difference of the losses, nats a token",
            AxisType = StyleParam.AxisType.Log
        )
        |> figure "differences" "How far the losses are apart, step by step."
        |> ignore
