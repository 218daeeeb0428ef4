;; The product of a matrix and a vector, by the vector instructions of WebAssembly. product.wasm is this file compiled:
;;
;;     python -c "import wasmtime; print(wasmtime.wat2wasm(open('product.wat').read()))"
;;
;; Both functions read a matrix of $rows by $columns, row by row, and $x of $columns numbers, and write $rows sums as
;; float32. $columns is a multiple of 16. The first four parameters but $rows are places in the memory, in bytes.
(module
  (import "page" "memory" (memory 1))

  ;; Whole numbers: weights of eight bits, $x of sixteen bits, sums of 32 bits, which are exact.
  (func (export "int8") (param $weights i32) (param $x i32) (param $sums i32) (param $rows i32) (param $columns i32)
    (local $row_end i32) (local $sums_end i32) (local $at i32) (local $w v128) (local $a v128) (local $b v128)
    (local.set $sums_end (i32.add (local.get $sums) (i32.mul (local.get $rows) (i32.const 4))))
    (loop $next_row
      (local.set $row_end (i32.add (local.get $weights) (local.get $columns)))
      (local.set $at (local.get $x))
      (local.set $a (v128.const i32x4 0 0 0 0))
      (local.set $b (v128.const i32x4 0 0 0 0))
      (loop $next_columns  ;; sixteen: products are added in pairs, to four sums in $a and four in $b
        (local.set $w (v128.load (local.get $weights)))
        (local.set $a (i32x4.add (local.get $a) (i32x4.dot_i16x8_s
          (i16x8.extend_low_i8x16_s (local.get $w)) (v128.load (local.get $at)))))
        (local.set $b (i32x4.add (local.get $b) (i32x4.dot_i16x8_s
          (i16x8.extend_high_i8x16_s (local.get $w)) (v128.load offset=16 (local.get $at)))))
        (local.set $at (i32.add (local.get $at) (i32.const 32)))
        (local.set $weights (i32.add (local.get $weights) (i32.const 16)))
        (br_if $next_columns (i32.lt_u (local.get $weights) (local.get $row_end))))
      (local.set $a (i32x4.add (local.get $a) (local.get $b)))
      (f32.store (local.get $sums) (f32.convert_i32_s (i32.add
        (i32.add (i32x4.extract_lane 0 (local.get $a)) (i32x4.extract_lane 1 (local.get $a)))
        (i32.add (i32x4.extract_lane 2 (local.get $a)) (i32x4.extract_lane 3 (local.get $a))))))
      (local.set $sums (i32.add (local.get $sums) (i32.const 4)))
      (br_if $next_row (i32.lt_u (local.get $sums) (local.get $sums_end)))))

  ;; float32 throughout.
  (func (export "float32") (param $weights i32) (param $x i32) (param $sums i32) (param $rows i32) (param $columns i32)
    (local $row_end i32) (local $sums_end i32) (local $at i32)
    (local $a v128) (local $b v128) (local $c v128) (local $d v128)
    (local.set $sums_end (i32.add (local.get $sums) (i32.mul (local.get $rows) (i32.const 4))))
    (loop $next_row
      (local.set $row_end (i32.add (local.get $weights) (i32.mul (local.get $columns) (i32.const 4))))
      (local.set $at (local.get $x))
      (local.set $a (v128.const f32x4 0 0 0 0))
      (local.set $b (v128.const f32x4 0 0 0 0))
      (local.set $c (v128.const f32x4 0 0 0 0))
      (local.set $d (v128.const f32x4 0 0 0 0))
      (loop $next_columns  ;; sixteen, to four sums in each of four
        (local.set $a (f32x4.add (local.get $a) (f32x4.mul
          (v128.load (local.get $weights)) (v128.load (local.get $at)))))
        (local.set $b (f32x4.add (local.get $b) (f32x4.mul
          (v128.load offset=16 (local.get $weights)) (v128.load offset=16 (local.get $at)))))
        (local.set $c (f32x4.add (local.get $c) (f32x4.mul
          (v128.load offset=32 (local.get $weights)) (v128.load offset=32 (local.get $at)))))
        (local.set $d (f32x4.add (local.get $d) (f32x4.mul
          (v128.load offset=48 (local.get $weights)) (v128.load offset=48 (local.get $at)))))
        (local.set $at (i32.add (local.get $at) (i32.const 64)))
        (local.set $weights (i32.add (local.get $weights) (i32.const 64)))
        (br_if $next_columns (i32.lt_u (local.get $weights) (local.get $row_end))))
      (local.set $a (f32x4.add (f32x4.add (local.get $a) (local.get $b)) (f32x4.add (local.get $c) (local.get $d))))
      (f32.store (local.get $sums) (f32.add
        (f32.add (f32x4.extract_lane 0 (local.get $a)) (f32x4.extract_lane 1 (local.get $a)))
        (f32.add (f32x4.extract_lane 2 (local.get $a)) (f32x4.extract_lane 3 (local.get $a)))))
      (local.set $sums (i32.add (local.get $sums) (i32.const 4)))
      (br_if $next_row (i32.lt_u (local.get $sums) (local.get $sums_end))))))
