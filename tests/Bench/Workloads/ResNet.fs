/// Whole training steps of a residual network of 20 layers on images of 28x28 pixels, and the part of them that is not the optimizer's.
module Hybrid.Bench.ResNet

open System
open Hybrid.Autodiff
open Hybrid.Models
open Hybrid.Optimizers
open Hybrid.Tensors
open TorchSharp
open TorchSharp.Modules

let private settings = ResNetSettings(Height = 28, Width = 28, Channels = 1, Layers = 20, Classes = 10)

let private batch = 64

/// Of the paper, section 4.2; the rate is small enough for three steps to show rounding and no more.
let private momentum, weightDecay, learningRate = 0.9, 1e-4, 0.01

let private images = lazy Inputs.uniform "images" 1.0 (batch * 28 * 28)

let private labels = Inputs.ids "labels" 0 settings.Classes batch

/// The starting weights of a convolution or the output, inputs before outputs, from the name that they have in our model.
let private weights (name: string) inputs outputs = Inputs.uniform name (sqrt (6.0 / float inputs)) (inputs * outputs)

let private ours withOptimizer () =
    let model = ResNet<single>(settings, RandomStream 1UL)

    for parameter in model.Parameters do
        let shape = parameter.Value.Shape

        if shape.Rank > 1 then
            (weights parameter.Name shape.Rows shape.Columns).AsSpan().CopyTo parameter.Value.Span

    let optimizer = Sgd<single>(model.Parameters, momentum, weightDecay)
    let x = Tensor<single>.From(Shape(batch, 28 * 28), ReadOnlySpan images.Value)
    let tape = Watched.tape (Tape<single>(training = true))

    let step () =
        optimizer.ZeroGradients()
        let loss = model.Loss(tape.Constant x, labels)
        tape.Backward loss
        let value = float (loss.Value.ToScalar())
        tape.Clear()
        value

    Side.training withOptimizer (fun action -> action ()) step step (fun () -> optimizer.Step learningRate)

type private Function = torch.Tensor -> torch.Tensor

/// Torch's own modules, with our starting weights.
type private Modules() =
    let parameters = ResizeArray<Parameter>()

    let load (target: torch.Tensor) (values: torch.Tensor) =
        use _ = torch.no_grad ()
        target.copy_ values |> ignore

    member _.Parameters = parameters

    /// A 3x3 convolution and its norm.
    member _.Normalized(name, inputs: int, outputs: int, stride: int) : Function =
        let conv = torch.nn.Conv2d(int64 inputs, int64 outputs, 3L, stride = int64 stride, padding = 1L, bias = false)

        let values = weights $"{name}.conv.weight" (9 * inputs) outputs
        load conv.weight ((Torch.tensor [ 3; 3; inputs; outputs ] values).permute [| 3L; 2L; 0L; 1L |])
        let norm = torch.nn.BatchNorm2d(int64 outputs)
        parameters.AddRange(conv.parameters ())
        parameters.AddRange(norm.parameters ())
        fun x -> norm.forward (conv.forward x)

    member _.Linear(name, inputs: int, outputs: int) : Function =
        let linear = torch.nn.Linear(int64 inputs, int64 outputs)
        load linear.weight ((Torch.tensor [ inputs; outputs ] (weights $"{name}.weight" inputs outputs)).t())
        let bias = nonNull linear.bias
        load bias (torch.zeros_like bias)
        parameters.AddRange(linear.parameters ())
        linear.forward

let private relu (x: torch.Tensor) = torch.nn.functional.relu (x, inplace = true)

let private block (modules: Modules) name inputs outputs : Function =
    let stride = outputs / inputs
    let first = modules.Normalized($"{name}.first", inputs, outputs, stride)
    let second = modules.Normalized($"{name}.second", outputs, outputs, 1)

    let shortcut (x: torch.Tensor) =
        if stride = 1 then
            x
        else
            let every axis (x: torch.Tensor) = x.slice (axis, 0L, x.shape[int axis], int64<int> stride)
            torch.nn.functional.pad (x |> every 2L |> every 3L, [| 0L; 0L; 0L; 0L; 0L; int64 inputs |])

    fun x -> relu ((second (relu (first x))).add_(shortcut x))

let private theirs withOptimizer () =
    // Loads libtorch, which making a module does not.
    torch.manual_seed 2L |> ignore
    let modules = Modules()
    let filters stage = settings.BaseFilters <<< stage
    let stem = modules.Normalized("stem", settings.Channels, filters 0, 1)

    let blocks =
        [
            for stage in 0..2 do
                for i in 0 .. settings.BlocksInStage - 1 do
                    let inputs = if i = 0 then filters (max 0 (stage - 1)) else filters stage
                    block modules $"stage.{stage}.block.{i}" inputs (filters stage)
        ]

    let output = modules.Linear("output", filters 2, settings.Classes)
    let optimizer = torch.optim.SGD(modules.Parameters, learningRate, momentum, weight_decay = weightDecay)
    let x, labels = Torch.tensor [ batch; 1; 28; 28 ] images.Value, Torch.ids [ batch ] labels

    let step () =
        optimizer.zero_grad ()
        let y = blocks |> List.fold (fun y block -> block y) (relu (stem x))
        let loss = torch.nn.functional.cross_entropy (output (y.mean [| 2L; 3L |]), labels)
        loss.backward ()
        loss.ToDouble()

    Side.training withOptimizer Torch.number step step (fun () -> optimizer.step () |> ignore)

let all =
    let step part withOptimizer goal =
        {
            Name = $"ResNet-20, {part}"
            Goal = goal
            // The losses of three steps.
            Tolerance = 1e-4
            IsStep = withOptimizer
            Ours = ours withOptimizer
            Torch = theirs withOptimizer
        }

    [ step "whole step" true (Goal.goal 1.0 1.3); step "forward+backward" false None ]
