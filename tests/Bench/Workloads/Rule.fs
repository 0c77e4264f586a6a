/// A rule on a tape against the same function under libtorch's autograd.
module Hybrid.Bench.Rule

open System
open Hybrid.Autodiff
open Hybrid.Tensors
open TorchSharp

/// An input: its shape, and numbers from its name.
type Operand = { Shape: int list; Values: single[] }

let operand name limit shape = { Shape = shape; Values = Inputs.uniform name limit (List.fold (*) 1 shape) }

let oursOf operand = Tensor<single>.From(Shape(List.toArray operand.Shape), ReadOnlySpan operand.Values)
let torchOf operand = Torch.tensor operand.Shape operand.Values

let toFloats (tensor: Tensor<single>) = tensor.ToArray() |> Array.map float

/// A rule of the core.
type Ours = Variable<single>[] -> Variable<single>
type Theirs = torch.Tensor list -> torch.Tensor

/// Forward and backward, the gradients of all inputs; a rule whose value is a scalar needs no cotangent.
let private oursBothWays operands cotangent (rule: Ours) () =
    let tensors = operands |> List.map oursOf
    let dy = cotangent |> Option.map oursOf
    let tape = Tape<single>()

    let pass () =
        let inputs = [| for tensor in tensors -> tape.Input tensor |]
        let y = rule inputs

        match dy with
        | Some dy -> tape.Backward(y, dy)
        | None -> tape.Backward y

        y, inputs

    let run () =
        pass () |> ignore
        tape.Clear()

    let results () =
        let y, inputs = pass ()
        let gradients = [ for input in inputs -> nonNull input.Gradient ]
        let results = y.Value :: gradients |> List.map toFloats
        tape.Clear()
        results

    { Run = run; Results = results }

/// How torch lays out what both libraries compute from and with, and the way back.
type Layout = { ToTorch: torch.Tensor -> torch.Tensor; OfTorch: torch.Tensor -> torch.Tensor }

let private asOurs = { ToTorch = id; OfTorch = id }

/// Images, [batch, height, width, channels] here, are [batch, channels, height, width] there.
let private planes =
    let images order (x: torch.Tensor) = if x.shape.Length = 4 then x.permute(order).contiguous() else x

    { ToTorch = images [| 0L; 3L; 1L; 2L |]; OfTorch = images [| 0L; 2L; 3L; 1L |] }

let private torchBothWays layout operands cotangent (rule: Theirs) () =
    let toTorch operand = layout.ToTorch(torchOf operand).detach()
    let variables = operands |> List.map (fun operand -> (toTorch operand).requires_grad_ true)
    let dy = cotangent |> Option.map toTorch

    let pass () =
        let y = rule variables
        let inputs = List.toArray variables

        match dy with
        | Some dy -> y, torch.autograd.grad ([| y |], inputs, [| dy |])
        | None -> y, torch.autograd.grad ([| y |], inputs)

    let results () =
        let y, gradients = pass ()
        [ y; yield! gradients ] |> List.map (layout.OfTorch >> Torch.toArray)

    { Run = Torch.scoped (pass >> ignore); Results = results }

let private workload name goal ours torch =
    { Name = name; Goal = goal; Tolerance = 1e-5; IsStep = false; Ours = ours; Torch = torch }

let private bothWaysIn layout name goal operands cotangent ours theirs =
    let size = (List.head operands).Shape |> List.map string |> String.concat "x"
    let name = $"{name} forward+backward, {size}"
    workload name goal (oursBothWays operands cotangent ours) (torchBothWays layout operands cotangent theirs)

/// The first operand is the one whose size the name tells.
let bothWays name goal operands cotangent ours theirs = bothWaysIn asOurs name goal operands cotangent ours theirs

/// The same where operands are images: torch gets them in its own layout, before the clock runs.
let imagesBothWays name goal operands cotangent ours theirs = bothWaysIn planes name goal operands cotangent ours theirs

/// Any work that writes one tensor.
let forward name goal (ours: unit -> unit -> Tensor<single>) (theirs: unit -> unit -> torch.Tensor) =
    let oursSide () =
        let action = ours ()
        { Run = action >> ignore; Results = fun () -> [ toFloats (action ()) ] }

    let torchSide () =
        let action = theirs ()

        let results () =
            use _ = torch.no_grad ()
            [ Torch.toArray (action ()) ]

        { Run = Torch.inference (action >> ignore); Results = results }

    workload name goal oursSide torchSide
